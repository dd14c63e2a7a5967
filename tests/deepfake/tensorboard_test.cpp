// SPDX-License-Identifier: MIT
#include "runs/tensorboard.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

namespace {

// A reader of its own, from the descriptions of the two formats: CRC-32C as polynomial division bit
// by bit, and protocol buffers as field numbers with raw values.

std::uint32_t crc_by_division(const std::string& bytes) {
  // Bits enter lowest first, so the division runs over the reflected polynomial 0x1EDC6F41.
  std::uint32_t remainder = 0xffffffffu;
  for (const char c : bytes) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const unsigned in = static_cast<unsigned char>(c) >> bit & 1u;
      const unsigned out = remainder & 1u;
      remainder >>= 1;
      if (in != out) remainder ^= 0x82f63b78u;
    }
  }
  return remainder ^ 0xffffffffu;
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value += static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at + i))) << (8 * i);
  }
  return value;
}

std::uint32_t masked(const std::string& bytes) {
  const std::uint32_t crc = crc_by_division(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// Fields of a message in the order found: bytes as they are, numbers as eight bytes.
using Message = std::multimap<unsigned, std::string>;

Message parse(const std::string& bytes) {
  Message message;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= static_cast<std::uint64_t>(byte & 127u) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    std::string value;
    const auto take = [&](std::size_t size) {
      REQUIRE(at + size <= bytes.size());
      value = bytes.substr(at, size);
      at += size;
    };
    switch (key & 7) {
      case 0: {
        const std::uint64_t number = varint();
        for (unsigned i = 0; i < 8; ++i) value += static_cast<char>(number >> (8 * i) & 255u);
        break;
      }
      case 1:
        take(8);
        break;
      case 2:
        take(static_cast<std::size_t>(varint()));
        break;
      case 5:
        take(4);
        break;
      default:
        FAIL("wire type " << (key & 7));
    }
    message.emplace(static_cast<unsigned>(key >> 3), value);
  }
  return message;
}

const std::string& only(const Message& message, unsigned field) {
  REQUIRE(message.count(field) == 1);
  return message.find(field)->second;
}

std::int64_t integer(const Message& message, unsigned field) {
  return static_cast<std::int64_t>(number_at(only(message, field), 0, 8));
}

std::string read_bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> records(const fs::path& file) {
  const std::string bytes = read_bytes(file);
  std::vector<std::string> list;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = static_cast<std::size_t>(number_at(bytes, at, 8));
    REQUIRE(number_at(bytes, at + 8, 4) == masked(bytes.substr(at, 8)));
    list.push_back(bytes.substr(at + 12, length));
    REQUIRE(number_at(bytes, at + 12 + length, 4) == masked(list.back()));
    at += length + 16;
  }
  return list;
}

struct Value {
  std::int64_t step;
  Message value;  // Summary.Value
};

/// What was written, without the leading records that name the version.
std::vector<Value> values(const fs::path& file) {
  std::vector<Value> list;
  const std::vector<std::string> all = records(file);
  REQUIRE_FALSE(all.empty());
  CHECK(only(parse(all[0]), 3) == "brain.Event:2");
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Message event = parse(all[i]);
    list.push_back({integer(event, 2), parse(only(parse(only(event, 5)), 1))});
  }
  return list;
}

float simple_value(const Value& value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(number_at(only(value.value, 2), 0, 4)));
}

/// The event files of a folder, in the order in which TensorBoard reads them.
std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (mentions(entry.path().filename().string(), "tfevents")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

TEST_CASE("CRC-32C has its published check value", "[tensorboard]") {
  CHECK(crc32c("123456789") == 0xe3069283u);
  CHECK(crc32c("") == 0);
  // RFC 3720, appendix B.4: 32 bytes of zeros, and of ones.
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc_by_division("123456789") == 0xe3069283u);
}

TEST_CASE("event files hold what an independent reader finds", "[tensorboard]") {
  const TemporaryFolder folder;
  TensorBoardWriter writer(folder.path() / "run");
  writer.scalar("loss/train", 300, 0.625);
  writer.scalar("grad_norm", std::int64_t{1} << 40, std::nan(""));
  const std::vector<unsigned char> png{0x89, 'P', 'N', 'G', 0, 255};
  writer.image("gradcam/FF-DF", 5, png, 128, 64);
  writer.text("config", 0, "a **bold** word");
  writer.flush();

  CHECK(event_files(folder.path() / "run") == std::vector{writer.file()});
  const std::vector<Value> read = values(writer.file());
  REQUIRE(read.size() == 4);
  CHECK(only(read[0].value, 1) == "loss/train");
  CHECK(read[0].step == 300);
  CHECK(simple_value(read[0]) == 0.625f);
  CHECK(read[1].step == std::int64_t{1} << 40);
  CHECK(std::isnan(simple_value(read[1])));

  CHECK(only(read[2].value, 1) == "gradcam/FF-DF");
  const Message image = parse(only(read[2].value, 4));
  CHECK(integer(image, 1) == 64);   // height
  CHECK(integer(image, 2) == 128);  // width
  CHECK(integer(image, 3) == 3);    // RGB
  CHECK(only(image, 4) == std::string(png.begin(), png.end()));

  CHECK(read[3].step == 0);
  const Message tensor = parse(only(read[3].value, 8));
  CHECK(integer(tensor, 1) == 7);  // DT_STRING
  CHECK(integer(parse(only(parse(only(tensor, 2)), 2)), 1) == 1);
  CHECK(only(tensor, 8) == "a **bold** word");
  CHECK(only(parse(only(parse(only(read[3].value, 9)), 1)), 1) == "text");

  const Message event = parse(records(writer.file())[1]);
  const double time = std::bit_cast<double>(number_at(only(event, 1), 0, 8));
  CHECK(time > 1.7e9);
  CHECK(time < 1e11);
}

TEST_CASE("a record's bytes are those of the format", "[tensorboard]") {
  const TemporaryFolder folder;
  TensorBoardWriter writer(folder.path());
  writer.scalar("a", 3, 1.5);
  writer.flush();
  const std::string bytes = read_bytes(writer.file());
  // 23 bytes of event: their number and its sum, worked out apart from this code.
  const std::string last = bytes.substr(bytes.size() - 39);
  CHECK(last.substr(0, 12) == std::string("\x17\0\0\0\0\0\0\0\xe7\xce\xf8\x1e", 12));
  // wall_time (8 bytes), step 3, and summary { value { tag "a" simple_value 1.5 } }.
  CHECK(last[12] == '\x09');
  CHECK(last.substr(21, 14) == std::string("\x10\x03\x2a\x0a\x0a\x08\x0a\x01"
                                           "a\x15\0\0\xc0\x3f",
                                           14));
}

TEST_CASE("a resumed run has no step twice", "[tensorboard]") {
  const TemporaryFolder folder;
  const fs::path foreign = folder.path() / "events.out.tfevents.1.elsewhere";
  write_text(foreign, "not ours");
  fs::path first;
  {
    TensorBoardWriter writer(folder.path());
    for (int step = 0; step <= 4; ++step) writer.scalar("loss", step, step);
    writer.text("note", 4, "late");
    first = writer.file();
  }
  {  // Killed while it wrote a record.
    const std::string whole = read_bytes(first);
    std::ofstream(first, std::ios::binary | std::ios::app) << whole.substr(0, 30);
  }
  fs::path second;
  {
    TensorBoardWriter writer(folder.path(), TensorBoardWriter::Mode::append, 3);
    for (int step = 4; step <= 6; ++step) writer.scalar("loss", step, step);
    second = writer.file();
  }
  CHECK(first < second);  // even within one second
  CHECK(event_files(folder.path()) == std::vector{foreign, first, second});
  const auto steps = [](const fs::path& file) {
    std::vector<std::int64_t> list;
    for (const Value& value : values(file)) list.push_back(value.step);
    return list;
  };
  CHECK(steps(first) == std::vector<std::int64_t>{0, 1, 2, 3});
  CHECK(steps(second) == std::vector<std::int64_t>{4, 5, 6});

  // Resumed further back: the earlier file loses steps, too.
  {
    TensorBoardWriter third(folder.path(), TensorBoardWriter::Mode::append, 2);
    CHECK(third.file() > second);
  }
  CHECK(steps(first) == std::vector<std::int64_t>{0, 1, 2});
  CHECK(steps(second).empty());

  // Nothing behind a damaged record is trusted, nor does it stop a run.
  std::string damaged = read_bytes(first);
  damaged[damaged.size() - 10] ^= 1;
  write_text(first, damaged);
  TensorBoardWriter(folder.path(), TensorBoardWriter::Mode::append);
  CHECK(steps(first) == std::vector<std::int64_t>{0, 1});
  write_text(first, std::string(100, '\xff'));  // a length beyond the file
  TensorBoardWriter(folder.path(), TensorBoardWriter::Mode::append);
  CHECK(read_bytes(first).empty());

  // Begun anew: only foreign files stay.
  const TensorBoardWriter fresh(folder.path());
  CHECK(event_files(folder.path()) == std::vector{foreign, fresh.file()});
  CHECK(read_bytes(foreign) == "not ours");
}

TEST_CASE("an event file that cannot be written is named", "[tensorboard]") {
  const TemporaryFolder folder;
  write_text(folder.path() / "file", "");
  CHECK(mentions(message_of([&] { TensorBoardWriter(folder.path() / "file" / "run"); }), "file"));
}
