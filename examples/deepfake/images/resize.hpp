// SPDX-License-Identifier: MIT
#pragma once

#include <opencv2/core.hpp>

namespace deepfake {

/// @p size x @p size pixels, cubic: how an image gets the size that a network takes. The image
/// itself if it has that size.
cv::Mat resized(const cv::Mat& image, int size);

/// The same, but each pixel is a mean where the image becomes smaller: how faces are cut out.
cv::Mat resized_smoothly(const cv::Mat& image, int size);

/// Smaller by @p factor and as large as before: what a picture loses on its way.
/// @param down,up OpenCV's interpolation
cv::Mat resampled(const cv::Mat& image, double factor, int down, int up);

}  // namespace deepfake
