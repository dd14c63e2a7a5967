// SPDX-License-Identifier: MIT
#include "synthetic/publish.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <vector>

#include "report/replace_file.hpp"

namespace deepfake {
namespace {

cv::Mat fit(const cv::Mat& image, const PublishOptions& options) {
  const cv::Mat part = image(options.crop);
  const cv::Size size(options.size, options.size);
  if (part.size() == size) return part.clone();
  cv::Mat result;
  const bool shrinks = part.cols > size.width;
  cv::resize(part, result, size, 0.0, 0.0, shrinks ? cv::INTER_AREA : cv::INTER_CUBIC);
  return result;
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
  std::vector<unsigned char> jpeg;
  // OpenCV's encoder subsamples 4:2:0 unless told otherwise.
  if (!cv::imencode(".jpg", bytes, jpeg, {cv::IMWRITE_JPEG_QUALITY, options.quality})) {
    throw std::runtime_error("publish: OpenCV cannot encode JPEG; install its JPEG support");
  }
  return cv::imdecode(jpeg, cv::IMREAD_COLOR);
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
