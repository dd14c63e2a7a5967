// SPDX-License-Identifier: MIT
// Painters of everything around the face: background, clothes, neck, ears and hair.
#pragma once

#include <array>

#include "synthetic/features.hpp"
#include "synthetic/head.hpp"

namespace deepfake {

/// Walls, out-of-focus lights or panels; does not move with the head.
class Backdrop {
 public:
  Backdrop(const Scene& scene, const Texture& texture);
  /// @param position in [0, 1]^2 over the image
  Colour at(cv::Point2f position) const;

 private:
  struct Disc {
    float x, y, radius, alpha;
    Colour colour;
  };
  const Scene& scene_;
  const Texture& texture_;
  std::array<Disc, 9> discs_{};
  std::array<float, 3> panels_{};
};

/// Shoulders, collar and neck, lit as cylinders.
void paint_body(Colour& canvas, cv::Point2f screen, const Identity& identity, const Scene& scene,
                const Head& head, const Texture& texture, float light_x, float pixel);

void paint_ears(Colour& canvas, cv::Point2f screen, const Identity& identity, const Head& head,
                const Shade& shade, float pixel);

class Hair {
 public:
  Hair(const Identity& identity, const Scene& scene, const Pose& pose, const Head& head,
       const Texture& texture, float pixel)
      : id_(identity), scene_(scene), pose_(pose), head_(head), texture_(texture), pixel_(pixel) {}

  /// What falls behind the neck.
  void paint_back(Colour& canvas, cv::Point2f screen) const;
  /// Over the forehead, at the temples, and locks beside the cheeks.
  void paint_front(Colour& canvas, cv::Point2f screen) const;

 private:
  Colour colour_at(cv::Point2f screen) const;
  float mass(cv::Point2f screen) const;  ///< signed distance to the volume of hair on the skull
  float fall_width(cv::Point2f screen) const;  ///< half width of long hair
  float hairline(float x) const;               ///< height of the hairline over the face

  const Identity& id_;
  const Scene& scene_;
  const Pose& pose_;
  const Head& head_;
  const Texture& texture_;
  float pixel_;
};

}  // namespace deepfake
