// SPDX-License-Identifier: MIT
#include "forging/face_shape.hpp"

#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "photos/photo_person.hpp"
#include "synthetic/region.hpp"

namespace deepfake {
namespace {

using Points = std::vector<cv::Point2f>;

Points hull(std::span<const cv::Point2f> points) {
  Points result;
  cv::convexHull(Points(points.begin(), points.end()), result);
  return result;
}

cv::Point2f middle_of(std::span<const cv::Point2f> points) {
  cv::Point2f sum;
  for (const cv::Point2f& point : points) sum += point;
  return sum / static_cast<float>(points.size());
}

/// The outline of an ellipse.
Points outline(const Region& region) {
  constexpr int count = 24;
  const float cosine = std::cos(region.roll);
  const float sine = std::sin(region.roll);
  Points points;
  for (int i = 0; i < count; ++i) {
    const float angle =
        2.0F * std::numbers::pi_v<float> * static_cast<float>(i) / static_cast<float>(count);
    const float x = region.half_axes.width * std::cos(angle);
    const float y = region.half_axes.height * std::sin(angle);
    points.push_back(region.centre + cv::Point2f(cosine * x - sine * y, sine * x + cosine * y));
  }
  return points;
}

/// Away from its middle.
Points widened(Points points, float factor) {
  const cv::Point2f middle = middle_of(points);
  for (cv::Point2f& point : points) point = middle + factor * (point - middle);
  return points;
}

}  // namespace

FaceShape shape_of(std::span<const cv::Point2f> landmarks, cv::Size from, int size) {
  Points points;
  for (const cv::Point2f& point : landmarks) {
    points.emplace_back(point.x * static_cast<float>(size) / static_cast<float>(from.width),
                        point.y * static_cast<float>(size) / static_cast<float>(from.height));
  }
  const std::span<const cv::Point2f> all(points);
  // dlib's numbering: jaw 0-16, brows 17-26, nose 27-35, eyes 36-41 and 42-47, mouth 48-67.
  FaceShape shape;
  shape.face = hull(all);
  Points eyes_and_brows(all.begin() + 17, all.begin() + 27);
  eyes_and_brows.insert(eyes_and_brows.end(), all.begin() + 36, all.begin() + 48);
  shape.eyes = widened(hull(eyes_and_brows), 1.15F);
  shape.mouth = widened(hull(all.subspan(48, 20)), 1.35F);
  FaceGeometry& geometry = shape.geometry;
  geometry.left_eye = middle_of(all.subspan(36, 6));
  geometry.right_eye = middle_of(all.subspan(42, 6));
  geometry.nose = points[30];
  geometry.left_mouth = points[48];
  geometry.right_mouth = points[54];
  const cv::Point2f across = geometry.right_eye - geometry.left_eye;
  geometry.roll = std::atan2(across.y, across.x);
  const cv::Rect2f box = cv::boundingRect(shape.face);
  geometry.centre = 0.5F * (box.tl() + box.br());
  geometry.half_axes = box.size() * 0.5F;
  return shape;
}

FaceShape assumed_shape(const std::string& region, int size) {
  FaceShape shape;
  shape.geometry = region == "box" ? detected_geometry(size) : template_geometry(size);
  shape.face = outline(face_region(shape.geometry));
  shape.eyes = outline(eyes_region(shape.geometry));
  shape.mouth = outline(mouth_region(shape.geometry));
  return shape;
}

}  // namespace deepfake
