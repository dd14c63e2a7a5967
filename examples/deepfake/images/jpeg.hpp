// SPDX-License-Identifier: MIT
#pragma once

#include <opencv2/core.hpp>

namespace deepfake {

/// What is left of an 8-bit image in OpenCV's order of channels, BGR, after JPEG compression.
/// @param quality 1 to 100
/// @throws std::runtime_error if OpenCV was built without JPEG
cv::Mat through_jpeg(const cv::Mat& bgr, int quality);

/// The same in RGB: given red for blue, the conversion to luma would weigh them wrongly.
cv::Mat rgb_through_jpeg(const cv::Mat& rgb, int quality);

}  // namespace deepfake
