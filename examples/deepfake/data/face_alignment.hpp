// SPDX-License-Identifier: MIT
// Where landmarks put a face: the same place in every crop.
#pragma once

#include <array>
#include <opencv2/core.hpp>
#include <vector>

namespace deepfake {

/// Points of a face in pixels, in the order of the 68 points of 300-W: jaw 0 to 16, brows to 26,
/// nose to 35 (its tip is 30), eyes 36 to 41 and 42 to 47, mouth 48 to 67. DeepfakeBench's 81
/// points go on with 13 of the forehead.
using Landmarks = std::vector<cv::Point2d>;

/// Left eye, right eye, tip of the nose, left and right corner of the mouth, as one sees them.
using FivePoints = std::array<cv::Point2d, 5>;

enum class KeyPoints {
  centres,       ///< the eyes' centres and the mouth's corners: what the template was made for
  deepfakebench  ///< points of the upper lids, and beside the corners, as DeepfakeBench takes them
};

/// @param landmarks 68 or 81
FivePoints key_points(const Landmarks& landmarks, KeyPoints choice);

/// The places of the five points in a crop of @p size pixels, from ArcFace's template of 112
/// pixels.
/// @param scale above 1 the face is so much smaller in the crop, with its surroundings around it
FivePoints template_points(int size, double scale);

/// The rotation, scaling and shift that bring @p from closest to @p to, by the sum of squared
/// distances: with points as complex numbers,
///     z -> a (z - mean from) + mean to,   a = sum conj(f) t / sum |f|^2,
/// f and t being the points without their means (Umeyama, TPAMI 1991, for two dimensions).
cv::Matx23d similarity(const FivePoints& from, const FivePoints& to);

cv::Point2d moved(const cv::Matx23d& transform, const cv::Point2d& point);

}  // namespace deepfake
