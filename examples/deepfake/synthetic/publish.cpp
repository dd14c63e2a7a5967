// SPDX-License-Identifier: MIT
#include "synthetic/publish.hpp"

#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <vector>

#include "files/replace_file.hpp"
#include "images/jpeg.hpp"
#include "images/resize.hpp"

namespace deepfake {
namespace {

cv::Mat fit(const cv::Mat& image, const PublishOptions& options) {
  return resized_smoothly(image(options.crop), options.size);
}

}  // namespace

PublishOptions sample_publishing(const Random& person, int k, int captured, int size,
                                 int quality_low, int quality_high) {
  Random per_video = person.fork("quality");
  Random per_frame = person.fork("publish", k);
  PublishOptions options;
  options.size = size;
  options.quality = per_video.integer(quality_low, quality_high);
  const int side = per_frame.integer(size, captured);
  options.crop = {per_frame.integer(0, captured - side), per_frame.integer(0, captured - side),
                  side, side};
  return options;
}

cv::Mat publish(const cv::Mat& image, const PublishOptions& options) {
  cv::Mat bytes;
  fit(image, options).convertTo(bytes, CV_8UC3, 255.0);
  return through_jpeg(bytes, options.quality);
}

cv::Mat publish_mask(const cv::Mat& mask, const PublishOptions& options) {
  constexpr double visible = 0.05;
  return fit(mask, options) > visible;
}

void write_image(const std::filesystem::path& file, const cv::Mat& image) {
  // Encoded in memory: cv::imwrite does not notice that the disk is full.
  std::vector<unsigned char> png;
  if (!cv::imencode(".png", image, png, {cv::IMWRITE_PNG_COMPRESSION, 2})) {
    throw std::runtime_error(file.string() + ": OpenCV cannot encode PNG; install its PNG support");
  }
  write_file(file, {reinterpret_cast<const char*>(png.data()), png.size()});
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  std::error_code reported_below;
  std::filesystem::create_directories(file.parent_path(), reported_below);
  replace_file(file, content);
}

}  // namespace deepfake
