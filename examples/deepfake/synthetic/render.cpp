// SPDX-License-Identifier: MIT
#include "synthetic/render.hpp"

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "synthetic/features.hpp"
#include "synthetic/head.hpp"
#include "synthetic/surroundings.hpp"
#include "synthetic/texture.hpp"

namespace deepfake {
namespace {

constexpr int supersampling = 2;

/// Light on the relief of the face: normals by finite differences, occlusion by comparing each
/// height with its surroundings.
class Lighting {
 public:
  Lighting(const Identity& identity, const Scene& scene, const Pose& pose, const Head& head,
           const Placement& placement, int size)
      : identity_(identity), scene_(scene), unit_(placement.unit()), height_(size, size, CV_32F) {
    for (int row = 0; row < size; ++row) {
      auto* line = height_.ptr<float>(row);
      for (int column = 0; column < size; ++column) {
        const cv::Point2f screen =
            placement.to_head({static_cast<float>(column) + 0.5F, static_cast<float>(row) + 0.5F});
        line[column] = head.relief(head.to_face(screen), screen);
      }
    }
    cv::GaussianBlur(height_, surroundings_, {}, 0.13 * static_cast<double>(unit_), 0.0,
                     cv::BORDER_REPLICATE);
    light_ = {scene.light_x + pose.light_x, scene.light_y + pose.light_y, 0.0F};
    const float flat = std::hypot(light_.x, light_.y);
    if (flat > 0.94F) light_ *= 0.94F / flat;
    light_.z = std::sqrt(1.0F - light_.x * light_.x - light_.y * light_.y);
    half_ = light_ + cv::Point3f(0.0F, 0.0F, 1.0F);
    half_ *= 1.0F / std::sqrt(half_.dot(half_));
  }

  Shade at(int row, int column, float& gloss) const {
    const cv::Point3f n = normal(row, column);
    const float facing = n.dot(light_);
    const float relative = height_.at<float>(row, column) - surroundings_.at<float>(row, column);
    const float occlusion = std::clamp(1.0F + 3.2F * std::min(relative, 0.02F), 0.45F, 1.05F);
    const float sky = scene_.ambient * (0.86F - 0.22F * n.y) * occlusion;
    // Light that enters the skin comes out around the terminator, red more than blue.
    const auto diffuse = [&](float wrap) {
      const float d = std::max(0.0F, (facing + wrap) / (1.0F + wrap));
      return scene_.key * d * (0.5F + 0.5F * occlusion);
    };
    gloss =
        scene_.key * identity_.gloss * std::pow(std::max(0.0F, n.dot(half_)), 18.0F) * occlusion;
    const float warm = 0.5F * scene_.warmth;
    Shade shade;
    shade.red = sky + diffuse(0.34F) * (1.0F + warm);
    shade.green = sky + diffuse(0.20F);
    shade.blue = sky * 1.03F + diffuse(0.14F) * (1.0F - warm);
    shade.level = (shade.red + 2.0F * shade.green + shade.blue) * 0.25F;
    return shade;
  }

 private:
  cv::Point3f normal(int row, int column) const {
    const int last = height_.rows - 1;
    const auto difference = [&](int r0, int c0, int r1, int c1) {
      const int span = std::max(r1 - r0, c1 - c0);
      return (height_.at<float>(r1, c1) - height_.at<float>(r0, c0)) * unit_ /
             static_cast<float>(span);
    };
    const float dx = difference(row, std::max(column - 1, 0), row, std::min(column + 1, last));
    const float dy = difference(std::max(row - 1, 0), column, std::min(row + 1, last), column);
    const float inverse = 1.0F / std::sqrt(dx * dx + dy * dy + 1.0F);
    return {-dx * inverse, -dy * inverse, inverse};
  }

  const Identity& identity_;
  const Scene& scene_;
  float unit_;
  cv::Mat height_, surroundings_;
  cv::Point3f light_, half_;
};

}  // namespace

Face render(const Identity& identity, const Scene& scene, const Pose& pose, int size) {
  const int large = size * supersampling;
  const Placement placement(pose, large);
  const float pixel = 1.0F / placement.unit();
  const Head head(identity, pose);
  const Texture skin_texture{Random(identity.texture_key)};
  const Texture scene_texture{Random(scene.texture_key).fork("texture")};
  const Features features(identity, scene, pose, skin_texture, pixel);
  const Backdrop backdrop(scene, scene_texture);
  const Hair hair(identity, scene, pose, head, skin_texture, pixel);
  const Lighting lighting(identity, scene, pose, head, placement, large);

  cv::Mat canvas(large, large, CV_32FC3);
  for (int row = 0; row < large; ++row) {
    auto* line = canvas.ptr<Colour>(row);
    for (int column = 0; column < large; ++column) {
      const cv::Point2f position{static_cast<float>(column) + 0.5F, static_cast<float>(row) + 0.5F};
      const cv::Point2f screen = placement.to_head(position);
      Colour colour = backdrop.at(position / static_cast<float>(large));
      hair.paint_back(colour, screen);
      paint_body(colour, screen, identity, scene, head, scene_texture, scene.light_x, pixel);
      float gloss = 0.0F;
      const Shade shade = lighting.at(row, column, gloss);
      paint_ears(colour, screen, identity, head, shade, pixel);
      const float face_alpha = coverage(head.outline(screen), std::max(pixel, 0.02F));
      if (face_alpha > 0.0F) {
        const cv::Point2f face = head.to_face(screen);
        Colour skin = shade.on(features.skin_albedo(face)) + Colour(gloss, gloss, gloss);
        features.paint_over(skin, face, shade);
        paint(colour, skin, face_alpha);
      }
      hair.paint_front(colour, screen);
      features.paint_glasses(colour, head.to_face(screen));
      line[column] = colour;
    }
  }

  Face result;
  cv::resize(canvas, result.image, {size, size}, 0.0, 0.0, cv::INTER_AREA);
  result.image = cv::min(cv::max(result.image, 0.0), 1.0);
  cv::sqrt(result.image, result.image);
  result.geometry = face_geometry(identity, pose, size);
  return result;
}

}  // namespace deepfake
