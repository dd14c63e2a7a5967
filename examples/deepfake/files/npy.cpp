// SPDX-License-Identifier: MIT
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "files/npy.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <string>

#include "files/replace_file.hpp"

namespace deepfake {
namespace {

static_assert(std::endian::native == std::endian::little, "the values are written as they lie");

constexpr char magic[] = "\x93NUMPY";
constexpr std::size_t magic_size = sizeof magic - 1;
constexpr std::size_t prefix = magic_size + 4;  // with version 1.0 and the header's length

template <class Number>
std::vector<double> numbers(const char* bytes, std::size_t count) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    Number value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    values[i] = static_cast<double>(value);
  }
  return values;
}

}  // namespace

void write_npy(const std::filesystem::path& file, std::span<const double> values,
               std::size_t columns) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / columns) + ", " + std::to_string(columns) +
                       "), }";
  constexpr std::size_t alignment = 64;  // of the values, so that they can be mapped
  while ((prefix + header.size() + 1) % alignment != 0) header += ' ';
  header += '\n';
  std::string bytes(magic, magic_size);
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  replace_file(file, bytes);
}

NpyTable read_npy(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error(file.string() + ": cannot be opened");
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const auto fail = [&](const std::string& why) {
    throw std::runtime_error(file.string() + ": " + why +
                             "; expected NumPy's .npy of numbers in rows and columns");
  };
  if (bytes.size() < prefix + 2 || bytes.compare(0, magic_size, magic, magic_size) != 0) {
    fail("no .npy file");
  }
  // The length takes two bytes in version 1 and four afterwards.
  const std::size_t width = bytes[magic_size] == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < width; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[magic_size + 2 + i]))
              << (8 * i);
  }
  const std::size_t begin = magic_size + 2 + width;
  if (length > bytes.size() - begin) fail("cut off");
  const std::string header = bytes.substr(begin, length);
  static const std::regex form(
      R"('descr': *'<([fi][48])'.*'fortran_order': *False.*'shape': *\((\d{1,9}), *(\d{1,9}),? *\))");
  std::smatch parts;
  if (!std::regex_search(header, parts, form)) fail("holds something else, " + header);
  NpyTable table{std::stoul(parts[2]), std::stoul(parts[3]), {}};
  const std::size_t count = table.rows * table.columns;
  const std::string type = parts[1];
  const std::size_t size = type[1] == '8' ? 8 : 4;
  if ((bytes.size() - begin - length) / size < count) fail("cut off");
  const char* data = bytes.data() + begin + length;
  if (type == "f8") table.values = numbers<double>(data, count);
  if (type == "f4") table.values = numbers<float>(data, count);
  if (type == "i8") table.values = numbers<std::int64_t>(data, count);
  if (type == "i4") table.values = numbers<std::int32_t>(data, count);
  return table;
}

}  // namespace deepfake
