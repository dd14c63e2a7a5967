// SPDX-License-Identifier: MIT
#include "synthetic/head.hpp"

#include <cmath>

namespace deepfake {
namespace {

constexpr float widest = 0.12F;  // y at which the face is widest
constexpr float depth_radius_x = 1.18F;
constexpr float depth_radius_y = 1.85F;

}  // namespace

Head::Head(const Identity& identity, const Pose& pose)
    : identity_(identity),
      pose_(pose),
      sin_yaw_(std::sin(pose.yaw)),
      cos_yaw_(std::cos(pose.yaw)),
      sin_pitch_(std::sin(pose.pitch)),
      chin_(identity.chin + 0.20F * pose.mouth_open) {}

float Head::outline(cv::Point2f screen, float inflate) const {
  const float y = screen.y - widest;
  const float x = screen.x - 0.35F * sin_yaw_ * smooth_step(0.0F, 1.4F, y);
  const bool upper = y < 0.0F;
  const float height = (upper ? widest - identity_.skull_top : chin_ - widest) + inflate;
  const float t = std::abs(y) / height;
  const float taper = upper ? 1.0F : 1.0F - identity_.jaw_taper * std::min(t, 1.0F);
  const float width = (identity_.face_width + inflate) * taper;
  const float exponent = upper ? 2.25F : identity_.jaw_exponent;
  const float radius =
      std::pow(std::pow(std::abs(x) / width, exponent) + std::pow(t, exponent), 1.0F / exponent);
  const float length = std::hypot(x, y);
  return radius < 1e-3F ? -width : length * (radius - 1.0F) / radius;
}

float Head::depth(cv::Point2f screen) const {
  const float u = screen.x / depth_radius_x;
  const float v = (screen.y - 0.1F) / depth_radius_y;
  return std::sqrt(std::max(0.0F, 1.0F - u * u - v * v));
}

cv::Point2f Head::to_face(cv::Point2f screen) const {
  const float z = depth(screen);
  return {(screen.x - sin_yaw_ * z) / cos_yaw_, screen.y - sin_pitch_ * z};
}

cv::Point2f Head::to_screen(cv::Point2f face) const {
  cv::Point2f screen = face;
  for (int step = 0; step < 6; ++step) {  // fixed point: the shift is small
    const float z = depth(screen);
    screen = {face.x * cos_yaw_ + sin_yaw_ * z, face.y + sin_pitch_ * z};
  }
  return screen;
}

float Head::features(cv::Point2f p) const {
  const Identity& id = identity_;
  const float side = p.x < 0.0F ? -1.0F : 1.0F;
  const float x = std::abs(p.x);
  const float y = p.y;
  float z = 0.0F;
  z += 0.07F * hill(x, y, 0.35F, -id.brow_height + 0.04F, 0.65F, 0.24F);
  z -= 0.15F * hill(x, y, id.eye_distance - 0.02F, -0.01F, 0.36F, 0.24F);
  z += 0.10F * hill(x, y, id.eye_distance, 0.0F, 0.25F, 0.17F);
  z += id.cheek_fullness * hill(x, y, 0.56F, 0.46F + 0.02F * pose_.smile, 0.42F, 0.38F) *
       (1.0F + 0.6F * std::max(0.0F, pose_.smile));
  z += 0.14F * hill(x, y, 0.0F, 0.98F, 0.62F, 0.50F);
  z -= 0.07F * hill(x, y, 0.0F, 1.25F + 0.12F * pose_.mouth_open, 0.34F, 0.11F);
  z += 0.11F * hill(x, y, 0.0F, chin_ - 0.20F, 0.36F, 0.26F);
  z -= 0.018F * hill(x, y, 0.0F, 0.80F, 0.08F, 0.12F);
  // Naso-labial fold, from the nostril to beyond the corner of the mouth.
  const float fold = x - (id.nose_width + 0.10F + 0.55F * (y - id.nose_length));
  const float depth_of_fold = 0.012F + 0.022F * std::max(0.0F, pose_.smile) + 0.03F * id.wrinkles;
  z -= depth_of_fold * hill(fold, y, 0.0F, 0.80F, 0.10F, 0.34F);

  // Nose: a ridge that widens and rises towards the tip, and the two wings. It stands out of the
  // face, so yaw moves it further than the skin around it.
  const float t = (y + 0.16F) / (id.nose_length + 0.16F);
  if (t > 0.0F && t < 1.3F) {
    const float rise = 0.20F + 0.55F * std::pow(std::min(t, 1.0F), 1.3F);
    const float fall = t > 1.0F ? 1.0F - (t - 1.0F) * (t - 1.0F) / 0.07F : 1.0F;
    const float shift = 0.30F * sin_yaw_ * rise * side;
    const float across = (x - shift) / (id.nose_width * (1.05F + 0.35F * std::min(t, 1.0F)));
    const float ridge = std::max(0.0F, 1.0F - across * across);
    if (fall > 0.0F) {
      z += 0.9F * id.nose_height * rise * fall * ridge * ridge * smooth_step(0.0F, 0.35F, t);
    }
    z += 0.50F * id.nose_height *
         hill(x - shift, y, 0.0F, id.nose_length - 0.02F, id.nose_width * 1.05F, 0.17F);
    z += 0.10F * hill(x - shift, y, id.nose_width * 0.88F, id.nose_length + 0.01F, 0.12F, 0.12F);
  }
  return z;
}

float Head::relief(cv::Point2f face, cv::Point2f screen) const {
  const float u = screen.x / (identity_.face_width * 1.02F);
  const float v = (screen.y - 0.08F) / (screen.y < 0.08F ? 1.75F : 1.85F);
  const float base = 0.95F * std::sqrt(std::max(0.04F, 1.0F - u * u - v * v));
  return base + features(face);
}

Placement::Placement(const Pose& pose, int size)
    : unit_(0.235F * pose.scale * static_cast<float>(size)),
      cosine_(std::cos(pose.roll)),
      sine_(std::sin(pose.roll)),
      origin_((0.5F + pose.shift_x) * static_cast<float>(size),
              (0.56F + pose.shift_y) * static_cast<float>(size)) {}

// The face turns about a point between nose and mouth, so that roll does not push it off centre.
constexpr float pivot = 0.35F;

cv::Point2f Placement::to_pixel(cv::Point2f head) const {
  const float x = unit_ * head.x;
  const float y = unit_ * (head.y - pivot);
  return {origin_.x + cosine_ * x - sine_ * y, origin_.y + sine_ * x + cosine_ * y};
}

cv::Point2f Placement::to_head(cv::Point2f pixel) const {
  const cv::Point2f d = (pixel - origin_) / unit_;
  return {cosine_ * d.x + sine_ * d.y, pivot - sine_ * d.x + cosine_ * d.y};
}

FaceGeometry face_geometry(const Identity& identity, const Pose& pose, int size) {
  const Head head(identity, pose);
  const Placement placement(pose, size);
  const auto at = [&](float x, float y) { return placement.to_pixel(head.to_screen({x, y})); };
  FaceGeometry g;
  g.left_eye = at(-identity.eye_distance, 0.0F);
  g.right_eye = at(identity.eye_distance, 0.0F);
  g.nose = at(0.0F, identity.nose_length);
  const float corner = 1.0F - 0.10F * pose.smile;
  g.left_mouth = at(-identity.mouth_width, corner);
  g.right_mouth = at(identity.mouth_width, corner);
  const float top = -identity.brow_height - 0.22F;
  g.centre = placement.to_pixel({0.35F * std::sin(pose.yaw), 0.5F * (top + head.chin())});
  g.half_axes = {0.84F * identity.face_width * placement.unit(),
                 0.49F * (head.chin() - top) * placement.unit()};
  g.roll = pose.roll;
  return g;
}

}  // namespace deepfake
