// SPDX-License-Identifier: MIT
#include "data/face_track.hpp"

#include <algorithm>
#include <tuple>

namespace deepfake {
namespace {

double overlap(const cv::Rect& a, const cv::Rect& b) {
  const double common = (a & b).area();
  return common / (a.area() + b.area() - common);
}

double distance(const cv::Rect& a, const cv::Rect& b) {
  const cv::Point2d between(a.x + a.width / 2.0 - b.x - b.width / 2.0,
                            a.y + a.height / 2.0 - b.y - b.height / 2.0);
  return cv::norm(between);
}

}  // namespace

std::optional<cv::Rect> FaceTrack::follow(const std::vector<cv::Rect>& faces) {
  if (!last_ && !faces.empty()) return last_ = faces.front();
  const auto nearest = std::ranges::max_element(faces, {}, [&](const cv::Rect& face) {
    return std::tuple(overlap(*last_, face), -distance(*last_, face));
  });
  if (nearest != faces.end()) {
    // Frames lie a second or more apart, and a person who was missed went on moving.
    const double reach = std::max(last_->width, last_->height) * (1.0 + 0.25 * missed_);
    const double size = static_cast<double>(nearest->width) / last_->width;
    constexpr double growth = 2.5;
    const bool is_same = overlap(*last_, *nearest) > 0 || distance(*last_, *nearest) <= reach;
    if (is_same && size < growth && size > 1 / growth) {
      missed_ = 0;
      return last_ = *nearest;
    }
  }
  ++missed_;
  return std::nullopt;
}

}  // namespace deepfake
