// SPDX-License-Identifier: MIT
#include "images/resize.hpp"

#include <opencv2/imgproc.hpp>

namespace deepfake {

cv::Mat resized(const cv::Mat& image, int size) {
  if (image.size() == cv::Size(size, size)) return image;
  cv::Mat result;
  cv::resize(image, result, {size, size}, 0, 0, cv::INTER_CUBIC);
  return result;
}

cv::Mat resized_smoothly(const cv::Mat& image, int size) {
  cv::Mat result;
  cv::resize(image, result, {size, size}, 0, 0,
             image.cols > size ? cv::INTER_AREA : cv::INTER_CUBIC);
  return result;
}

cv::Mat resampled(const cv::Mat& image, double factor, int down, int up) {
  cv::Mat small, result;
  cv::resize(image, small, {}, factor, factor, down);
  cv::resize(small, result, image.size(), 0, 0, up);
  return result;
}

}  // namespace deepfake
