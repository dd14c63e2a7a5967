// SPDX-License-Identifier: MIT
#include "runs/tensorboard.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "files/replace_file.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "events.out.tfevents.";
constexpr std::string_view suffix = ".roga-deepfake";  // tells our files from other programs'

[[noreturn]] void fail(const fs::path& file, const char* what) {
  throw std::runtime_error(file.string() + ": " + what + ": " +
                           std::generic_category().message(errno));
}

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}

template <class Unsigned>
Unsigned from_little_endian(std::string_view bytes) {
  Unsigned value = 0;
  for (std::size_t i = sizeof value; i-- > 0;) {
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

// Protocol buffers: a field is a key (number << 3 | wire type) and a value.
enum WireType : unsigned { varint_type = 0, eight_bytes = 1, counted_bytes = 2, four_bytes = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string key(unsigned field, WireType type) { return varint(field << 3 | type); }
std::string number_field(unsigned field, std::int64_t value) {
  return key(field, varint_type) + varint(static_cast<std::uint64_t>(value));
}
std::string double_field(unsigned field, double value) {
  return key(field, eight_bytes) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(unsigned field, float value) {
  return key(field, four_bytes) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes_field(unsigned field, std::string_view value) {
  return key(field, counted_bytes) + varint(value.size()) + std::string(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Event.step; 0 if the message leaves it out, as protocol buffers do with zeros.
std::int64_t step_of(std::string_view event) {
  while (!event.empty()) {
    const auto field = take_varint(event);
    if (!field) break;
    std::uint64_t size = 0;
    switch (*field & 7) {
      case varint_type: {
        const auto value = take_varint(event);
        if (!value) return 0;
        if (*field >> 3 == 2) return static_cast<std::int64_t>(*value);
        break;
      }
      case eight_bytes:
        size = 8;
        break;
      case counted_bytes:
        size = take_varint(event).value_or(event.size());
        break;
      case four_bytes:
        size = 4;
        break;
      default:
        return 0;
    }
    event.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(size, event.size())));
  }
  return 0;
}

/// The sum that a record holds: rotated and shifted, so that the sum of data with sums in it is
/// good.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

std::string record(std::string_view event) {
  const std::string length = little_endian(std::uint64_t{event.size()});
  return length + little_endian(masked_crc(length)) + std::string(event) +
         little_endian(masked_crc(event));
}

std::string event(std::int64_t step, const std::string& content) {
  const std::chrono::duration<double> time = std::chrono::system_clock::now().time_since_epoch();
  return double_field(1, time.count()) + number_field(2, step) + content;
}

/// The leading whole records of @p bytes that are not after @p last_step. TensorBoard itself reads
/// a file no further than its first broken record.
std::string kept_records(std::string_view bytes, std::int64_t last_step) {
  constexpr std::size_t head = 12, tail = 4;
  std::string kept;
  while (bytes.size() >= head + tail) {
    const auto length = from_little_endian<std::uint64_t>(bytes);
    if (from_little_endian<std::uint32_t>(bytes.substr(8)) != masked_crc(bytes.substr(0, 8))) break;
    if (length > bytes.size() - head - tail) break;
    const auto size = static_cast<std::size_t>(length);
    const std::string_view data = bytes.substr(head, size);
    if (from_little_endian<std::uint32_t>(bytes.substr(head + size)) != masked_crc(data)) break;
    if (step_of(data) <= last_step) kept += bytes.substr(0, head + size + tail);
    bytes.remove_prefix(head + size + tail);
  }
  return kept;
}

std::vector<fs::path> own_files(const fs::path& run) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(run)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

void drop_records(const fs::path& file, std::int64_t last_step) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(file, "cannot be opened");
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const std::string kept = kept_records(bytes, last_step);
  if (kept.size() != bytes.size()) replace_file(file, kept);
}

/// Named by the time, but in any case after @p present, even if the clock was set back.
fs::path next_file(const fs::path& run, const std::vector<fs::path>& present) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  long long seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  if (!present.empty()) {
    const std::string last = present.back().filename().string().substr(prefix.size());
    seconds = std::max(seconds, std::atoll(last.c_str()) + 1);
  }
  std::array<char, 32> digits;
  std::snprintf(digits.data(), digits.size(), "%010lld", seconds);
  return run / (std::string(prefix) + digits.data() + std::string(suffix));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t n = 0; n < entries.size(); ++n) {
      std::uint32_t entry = n;
      for (int bit = 0; bit < 8; ++bit) entry = entry >> 1 ^ (entry & 1 ? 0x82f63b78u : 0);
      entries[n] = entry;
    }
    return entries;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const fs::path& run, Mode mode, std::int64_t last_step) {
  fs::create_directories(run);
  std::vector<fs::path> present = own_files(run);
  for (const fs::path& file : present) {
    if (mode == Mode::append) {
      drop_records(file, last_step);
    } else {
      fs::remove(file);
    }
  }
  if (mode == Mode::fresh) present.clear();
  file_ = next_file(run, present);
  stream_.open(file_, std::ios::binary | std::ios::trunc);
  if (!stream_) fail(file_, "cannot be written");
  stream_ << record(event(0, bytes_field(3, "brain.Event:2")));
  flush();
}

void TensorBoardWriter::scalar(std::string_view tag, std::int64_t step, double value) {
  write_summary(step, bytes_field(1, tag) + float_field(2, static_cast<float>(value)));
}

void TensorBoardWriter::image(std::string_view tag, std::int64_t step,
                              std::span<const unsigned char> png, int width, int height) {
  const std::string bytes(png.begin(), png.end());
  const int rgb = 3;
  write_summary(
      step, bytes_field(1, tag) + bytes_field(4, number_field(1, height) + number_field(2, width) +
                                                     number_field(3, rgb) + bytes_field(4, bytes)));
}

void TensorBoardWriter::text(std::string_view tag, std::int64_t step, std::string_view text) {
  // A tensor of one string, for the plugin "text".
  const int type_string = 7, class_tensor = 2;
  const std::string metadata =
      bytes_field(1, bytes_field(1, "text")) + number_field(4, class_tensor);
  const std::string shape = bytes_field(2, number_field(1, 1));
  const std::string tensor =
      number_field(1, type_string) + bytes_field(2, shape) + bytes_field(8, text);
  write_summary(step, bytes_field(1, tag) + bytes_field(8, tensor) + bytes_field(9, metadata));
}

void TensorBoardWriter::write_summary(std::int64_t step, std::string_view value) {
  stream_ << record(event(step, bytes_field(5, bytes_field(1, value))));
}

void TensorBoardWriter::flush() {
  stream_ << std::flush;
  if (!stream_) fail(file_, "cannot be written");
}

}  // namespace deepfake
