// SPDX-License-Identifier: MIT
// Soft masks of face regions, with irregular outlines.
#pragma once

#include <opencv2/core.hpp>

#include "random/random.hpp"
#include "synthetic/face.hpp"

namespace deepfake {

/// A super-ellipse |x/a|^p + |y/b|^p = 1 whose mask rises from 0 at the outline to 1 inwards.
struct Region {
  cv::Point2f centre;
  cv::Size2f half_axes;
  float roll = 0.0F;
  float exponent = 2.0F;
  float feather = 0.3F;  ///< width of the rise, as a share of the radius
  float wobble = 0.0F;   ///< greatest displacement of the outline, pixels
};

Region face_region(const FaceGeometry& geometry);
Region mouth_region(const FaceGeometry& geometry);
Region eyes_region(const FaceGeometry& geometry);

/// CV_32F in [0, 1], exactly 0 outside of the outline.
cv::Mat mask(const Region& region, cv::Size size, Random& random);

/// Smooth random displacements, CV_32FC2, from a grid of cells x cells vectors.
cv::Mat displacement(cv::Size size, int cells, float amplitude, Random& random);

/// image(x + field(x))
cv::Mat warp(const cv::Mat& image, const cv::Mat& field);

}  // namespace deepfake
