// SPDX-License-Identifier: MIT
// Painters of what lies on the face: skin, eyes, brows, nostrils, mouth, beard, glasses.
#pragma once

#include <opencv2/core.hpp>

#include "synthetic/identity.hpp"
#include "synthetic/texture.hpp"

namespace deepfake {

/// What light does to a surface at one point.
struct Shade {
  float red = 1.0F, green = 1.0F, blue = 1.0F;  ///< received light per channel
  float level = 1.0F;                           ///< the same, as one number

  Colour on(const Colour& albedo) const {
    return {albedo[0] * blue, albedo[1] * green, albedo[2] * red};
  }
};

class Features {
 public:
  /// @param pixel width of a pixel in head units
  Features(const Identity& identity, const Scene& scene, const Pose& pose, const Texture& texture,
           float pixel)
      : id_(identity), scene_(scene), pose_(pose), texture_(texture), pixel_(pixel) {}

  Colour skin_albedo(cv::Point2f face) const;
  /// Everything painted over the shaded skin, in order.
  void paint_over(Colour& canvas, cv::Point2f face, const Shade& shade) const;
  void paint_glasses(Colour& canvas, cv::Point2f face) const;

 private:
  struct Mouth;
  Mouth mouth_at(cv::Point2f face) const;

  void paint_beard(Colour& canvas, cv::Point2f face, const Shade& shade) const;
  void paint_eye(Colour& canvas, cv::Point2f face, const Shade& shade) const;
  void paint_brow(Colour& canvas, cv::Point2f face, const Shade& shade) const;
  void paint_nostrils(Colour& canvas, cv::Point2f face) const;
  void paint_mouth(Colour& canvas, cv::Point2f face, const Shade& shade) const;

  const Identity& id_;
  const Scene& scene_;
  const Pose& pose_;
  const Texture& texture_;
  float pixel_;
};

}  // namespace deepfake
