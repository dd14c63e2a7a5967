// SPDX-License-Identifier: MIT
// Shape of the head: outline, relief, and the mapping between the screen and the frontal face.
#pragma once

#include <opencv2/core.hpp>

#include "synthetic/face.hpp"
#include "synthetic/identity.hpp"

namespace deepfake {

class Head {
 public:
  Head(const Identity& identity, const Pose& pose);

  /// Signed distance to the outline of the face, negative inside; `inflate` moves it outwards.
  float outline(cv::Point2f screen, float inflate = 0.0F) const;
  /// Frontal face coordinates of a screen point: undoes yaw and pitch on an ellipsoid.
  cv::Point2f to_face(cv::Point2f screen) const;
  cv::Point2f to_screen(cv::Point2f face) const;
  /// Height of the relief over the image plane.
  float relief(cv::Point2f face, cv::Point2f screen) const;
  /// The chin with the jaw dropped.
  float chin() const { return chin_; }
  float ear_x(float side) const { return side * identity_.face_width * 0.985F - 0.25F * sin_yaw_; }

 private:
  float depth(cv::Point2f screen) const;
  float features(cv::Point2f face) const;

  const Identity& identity_;
  const Pose& pose_;
  float sin_yaw_, cos_yaw_, sin_pitch_, chin_;
};

/// Maps head coordinates to pixels of a square image, and back.
class Placement {
 public:
  Placement(const Pose& pose, int size);
  cv::Point2f to_pixel(cv::Point2f head) const;
  cv::Point2f to_head(cv::Point2f pixel) const;
  float unit() const { return unit_; }  ///< pixels per head unit

 private:
  float unit_, cosine_, sine_;
  cv::Point2f origin_;
};

FaceGeometry face_geometry(const Identity& identity, const Pose& pose, int size);

}  // namespace deepfake
