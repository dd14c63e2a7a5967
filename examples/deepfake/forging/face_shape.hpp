// SPDX-License-Identifier: MIT
#pragma once

#include <opencv2/core.hpp>
#include <span>
#include <string>
#include <vector>

#include "synthetic/face.hpp"

namespace deepfake {

/// Where a face and its parts lie in a picture: convex outlines, in pixels.
struct FaceShape {
  FaceGeometry geometry;
  std::vector<cv::Point2f> face;
  std::vector<cv::Point2f> eyes;  ///< with the brows
  std::vector<cv::Point2f> mouth;
};

/// @param landmarks dlib's 68 points, or the 81 that go on over the forehead, in a picture of
/// @p from pixels
/// @param size of the square picture that the shape is for
FaceShape shape_of(std::span<const cv::Point2f> landmarks, cv::Size from, int size);

/// Of a crop without landmarks.
/// @param region aligned: as DeepfakeBench aligns faces; box: cut around the box of a detector
FaceShape assumed_shape(const std::string& region, int size);

}  // namespace deepfake
