// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <opencv2/core.hpp>

#include "training/options.hpp"

namespace deepfake {

/// Changes an 8-bit RGB image at random: flip; shift, scale and rotation; brightness and contrast;
/// hue and saturation; colour noise; resampling; blur; JPEG compression, in this order. The result
/// depends on image, options and @p key alone, so that a real frame and its fake with the same key
/// are changed alike. The input stays as it is.
cv::Mat augment(const cv::Mat& image, const AugmentOptions& options, std::uint64_t key);

}  // namespace deepfake
