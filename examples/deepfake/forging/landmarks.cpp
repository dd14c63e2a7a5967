// SPDX-License-Identifier: MIT
#include "forging/landmarks.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "images/image.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the arrays are read as they are");

/// What a header's Python dictionary has after @p key, up to the next comma or bracket.
std::string_view entry(std::string_view header, std::string_view key) {
  const std::size_t name = header.find(key);
  if (name == std::string_view::npos) return {};
  std::size_t begin = header.find(':', name);
  if (begin == std::string_view::npos) return {};
  begin = header.find_first_not_of(" '(", begin + 1);
  if (begin == std::string_view::npos) return {};
  return header.substr(begin, header.find_first_of("')}", begin) - begin);
}

template <class Number>
std::vector<float> numbers(std::string_view bytes) {
  std::vector<float> values(bytes.size() / sizeof(Number));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Number value;
    std::memcpy(&value, bytes.data() + i * sizeof(Number), sizeof(Number));
    values[i] = static_cast<float>(value);
  }
  return values;
}

std::vector<float> numbers_of(std::string_view type, std::string_view bytes) {
  if (type == "<f4") return numbers<float>(bytes);
  if (type == "<f8") return numbers<double>(bytes);
  if (type == "<i4") return numbers<std::int32_t>(bytes);
  if (type == "<i8") return numbers<std::int64_t>(bytes);
  return {};
}

}  // namespace

fs::path landmarks_file(const fs::path& frame) {
  const fs::path video = frame.parent_path();
  const fs::path frames = video.parent_path();
  if (frames.filename() != "frames") return {};
  return frames.parent_path() / "landmarks" / video.filename() /
         frame.filename().replace_extension(".npy");
}

std::vector<cv::Point2f> read_landmarks(const fs::path& file) {
  const auto refuse = [&](const std::string& what) {
    throw std::runtime_error(file.string() + ": " + what +
                             "; write 68 or 81 points (x, y) as float32, or remove the file");
  };
  std::ifstream stream(file, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(stream)), {});
  // Magic, version, length of the header in two bytes or, from version 2 on, in four.
  constexpr std::string_view magic = "\x93NUMPY";
  if (content.size() < 12 || !content.starts_with(magic)) refuse("no landmarks, not a NumPy array");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(content[i]));
  };
  const bool is_long = byte(6) > 1;
  const std::size_t begin = is_long ? 12 : 10;
  std::size_t length = byte(8) + (byte(9) << 8U);
  if (is_long) length += (byte(10) << 16U) + (byte(11) << 24U);
  if (content.size() < begin + length) refuse("landmarks that are cut off");
  const std::string_view all = content;
  const std::string_view header = all.substr(begin, length);
  const std::string shape(entry(header, "'shape'"));
  if (shape != "68, 2" && shape != "81, 2") {
    refuse("an array of shape (" + shape + ") is no landmarks");
  }
  if (entry(header, "'fortran_order'").starts_with("True")) refuse("landmarks in Fortran's order");
  const std::string type(entry(header, "'descr'"));
  const std::vector<float> values = numbers_of(type, all.substr(begin + length));
  if (values.empty()) refuse("landmarks of type " + type + " are not read");
  const std::size_t count = shape.starts_with("68") ? 68 : 81;
  if (values.size() != 2 * count) refuse("landmarks that are cut off");
  std::vector<cv::Point2f> points;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[2 * i]) || !std::isfinite(values[2 * i + 1])) {
      refuse("landmark " + std::to_string(i) + " is not finite");
    }
    points.emplace_back(values[2 * i], values[2 * i + 1]);
  }
  return points;
}

cv::Size image_size(const fs::path& file) {
  std::array<unsigned char, 24> head{};
  std::ifstream stream(file, std::ios::binary);
  stream.read(reinterpret_cast<char*>(head.data()), head.size());
  constexpr std::string_view png = "\x89PNG\r\n\x1a\n";
  if (stream && std::memcmp(head.data(), png.data(), png.size()) == 0) {
    const auto number = [&](std::size_t at) {
      return (head[at] << 24) | (head[at + 1] << 16) | (head[at + 2] << 8) | head[at + 3];
    };
    return {number(16), number(20)};
  }
  return read_image(file).size();
}

}  // namespace deepfake
