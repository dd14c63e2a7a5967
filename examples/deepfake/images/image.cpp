// SPDX-License-Identifier: MIT
#include "images/image.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
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
/// Bytes after the end, which cameras and uploaders append, are no fault, and an end marker within
/// a preview (in a segment of metadata) is not the image's: so segments are walked through.
bool is_cut_off_jpeg(const Bytes& bytes) {
  constexpr unsigned char fill = 0xff, soi = 0xd8, eoi = 0xd9, first_rst = 0xd0;
  if (bytes.size() < 2 || bytes[0] != fill || bytes[1] != soi) return false;
  std::size_t at = 2;
  while (true) {
    // The next marker: within the data of a scan 0xff is followed by 0 or a restart.
    while (at + 1 < bytes.size() &&
           !(bytes[at] == fill && bytes[at + 1] != fill && bytes[at + 1] != 0 &&
             (bytes[at + 1] < first_rst || bytes[at + 1] >= soi))) {
      ++at;
    }
    if (at + 1 >= bytes.size()) return true;
    const unsigned char marker = bytes[at + 1];
    at += 2;
    if (marker == eoi) return false;
    if (marker == soi || marker == 1) continue;  // without a length
    if (at + 1 >= bytes.size()) return true;
    const std::size_t length = bytes[at] * std::size_t{256} + bytes[at + 1];
    at += length;
  }
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

bool has_no_colour(const cv::Mat& rgb) {
  // Lossy coding leaves traces of colour.
  constexpr int traces = 8;
  const auto is_colourless = [](const cv::Vec3b& p) {
    const auto [low, high] = std::minmax({p[0], p[1], p[2]});
    return high - low <= traces;
  };
  return std::all_of(rgb.begin<cv::Vec3b>(), rgb.end<cv::Vec3b>(), is_colourless);
}

std::vector<unsigned char> encode_png(const cv::Mat& rgb) {
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  Bytes bytes;
  cv::imencode(".png", bgr, bytes);
  return bytes;
}

}  // namespace deepfake
