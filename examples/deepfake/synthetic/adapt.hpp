// SPDX-License-Identifier: MIT
// Operations that fit a pasted face to the picture that receives it, or keep it from fitting.
#pragma once

#include <opencv2/core.hpp>

#include "random/random.hpp"
#include "synthetic/face.hpp"

namespace deepfake {

/// The affine map that takes eyes and mouth of one face to those of another; `jitter` moves each of
/// the three points by up to that many pixels.
cv::Matx23d alignment(const FaceGeometry& from, const FaceGeometry& to, float jitter,
                      Random& random);
cv::Mat move(const cv::Mat& image, const cv::Matx23d& map);

/// Reinhard's transfer: each channel gets the target's mean and, by the share `spread`, its
/// standard deviation; both weighted by the mask.
void transfer_colour(cv::Mat& image, const cv::Mat& target, const cv::Mat& mask, float spread);

/// Shrinks by `factor` < 1 (area) and enlarges again (bilinear).
cv::Mat lower_resolution(const cv::Mat& image, float factor);

/// Gaussian blur, sigma in pixels.
cv::Mat blur(const cv::Mat& image, float sigma);

/// Scales the image's detail (what a Gaussian of `scale` pixels takes away) towards the target's
/// strength inside the mask: amount 0 leaves it, 1 makes the energies equal.
void match_detail(cv::Mat& image, const cv::Mat& target, const cv::Mat& mask, float scale,
                  float amount);

/// Unsharp masking with radius `scale` pixels.
void sharpen(cv::Mat& image, float scale, float amount);

/// target (1 - mask) + image mask; exactly the target where the mask is 0.
cv::Mat blend(const cv::Mat& image, const cv::Mat& target, const cv::Mat& mask);

}  // namespace deepfake
