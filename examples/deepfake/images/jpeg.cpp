// SPDX-License-Identifier: MIT
#include "images/jpeg.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <vector>

namespace deepfake {

cv::Mat through_jpeg(const cv::Mat& bgr, int quality) {
  std::vector<unsigned char> bytes;
  // OpenCV's encoder subsamples 4:2:0 unless told otherwise.
  if (!cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, quality})) {
    throw std::runtime_error("OpenCV cannot encode JPEG; install its JPEG support");
  }
  return cv::imdecode(bytes, cv::IMREAD_COLOR);
}

cv::Mat rgb_through_jpeg(const cv::Mat& rgb, int quality) {
  cv::Mat bgr, result;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  cv::cvtColor(through_jpeg(bgr, quality), result, cv::COLOR_BGR2RGB);
  return result;
}

}  // namespace deepfake
