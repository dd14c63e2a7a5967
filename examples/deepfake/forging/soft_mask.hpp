// SPDX-License-Identifier: MIT
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "random/random.hpp"

namespace deepfake {

/// CV_32F in [0, 1]: the inside of an outline that is scaled, bent and blurred at random, so that
/// no two masks of a face are alike. It is highest, 1, well inside.
cv::Mat soft_mask(const std::vector<cv::Point2f>& outline, cv::Size size, Random random);

}  // namespace deepfake
