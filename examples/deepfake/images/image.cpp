// SPDX-License-Identifier: MIT
#include "images/image.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <span>
#include <stdexcept>

#include "images/resize.hpp"

namespace deepfake {
namespace {

using Bytes = std::vector<unsigned char>;

Bytes read_bytes(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) {
    throw std::runtime_error(file.string() + ": image cannot be opened; extract the frames again");
  }
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A JPEG without its end marker was cut off; decoders fill the rest with grey and say nothing.
bool is_cut_off_jpeg(const Bytes& bytes) {
  constexpr std::array<unsigned char, 2> begin{0xff, 0xd8}, end{0xff, 0xd9};
  constexpr std::size_t tail_size = 4096;
  if (bytes.size() < begin.size() || !std::equal(begin.begin(), begin.end(), bytes.begin())) {
    return false;
  }
  const auto tail = std::span(bytes).last(std::min(bytes.size(), tail_size));
  return std::search(tail.begin(), tail.end(), end.begin(), end.end()) == tail.end();
}

}  // namespace

cv::Mat read_image(const std::filesystem::path& file, int size) {
  const Bytes bytes = read_bytes(file);
  cv::Mat image;
  if (!bytes.empty() && !is_cut_off_jpeg(bytes)) {
    try {
      image = cv::imdecode(bytes, cv::IMREAD_COLOR);
    } catch (const cv::Exception&) {
      image.release();  // reported below, with the file's name
    }
  }
  if (image.empty()) {
    throw std::runtime_error(
        file.string() + ": broken image; extract the frame again or leave it out of the index");
  }
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return size > 0 ? resized(image, size) : image;
}

cv::Mat read_image_float(const std::filesystem::path& file, int size) {
  cv::Mat image;
  read_image(file, size).convertTo(image, CV_32FC3, 1.0 / 255);
  return image;
}

std::vector<unsigned char> encode_png(const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  Bytes bytes;
  cv::imencode(".png", bgr, bytes);
  return bytes;
}

}  // namespace deepfake
