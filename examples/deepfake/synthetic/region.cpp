// SPDX-License-Identifier: MIT
#include "synthetic/region.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "synthetic/shading.hpp"

namespace deepfake {

Region face_region(const FaceGeometry& g) {
  return {.centre = g.centre, .half_axes = g.half_axes, .roll = g.roll};
}

Region mouth_region(const FaceGeometry& g) {
  const cv::Point2f across = g.right_mouth - g.left_mouth;
  const float half_width = 0.5F * std::hypot(across.x, across.y);
  return {.centre = 0.5F * (g.left_mouth + g.right_mouth),
          .half_axes = {1.7F * half_width, 0.42F * g.half_axes.height},
          .roll = g.roll};
}

Region eyes_region(const FaceGeometry& g) {
  const cv::Point2f across = g.right_eye - g.left_eye;
  const float half_width = 0.5F * std::hypot(across.x, across.y);
  return {.centre = 0.5F * (g.left_eye + g.right_eye),
          .half_axes = {1.75F * half_width, 0.36F * g.half_axes.height},
          .roll = g.roll};
}

cv::Mat displacement(cv::Size size, int cells, float amplitude, Random& random) {
  cv::Mat grid(cells, cells, CV_32FC2);
  for (auto& vector : cv::Mat_<cv::Vec2f>(grid)) {
    vector = {random.uniform(-amplitude, amplitude), random.uniform(-amplitude, amplitude)};
  }
  cv::Mat field;
  cv::resize(grid, field, size, 0.0, 0.0, cv::INTER_CUBIC);
  return field;
}

cv::Mat mask(const Region& region, cv::Size size, Random& random) {
  const cv::Mat field = displacement(size, 4, region.wobble, random);
  const float cosine = std::cos(region.roll);
  const float sine = std::sin(region.roll);
  cv::Mat result(size, CV_32F);
  for (int row = 0; row < size.height; ++row) {
    for (int column = 0; column < size.width; ++column) {
      const auto move = field.at<cv::Vec2f>(row, column);
      const float x = static_cast<float>(column) + 0.5F + move[0] - region.centre.x;
      const float y = static_cast<float>(row) + 0.5F + move[1] - region.centre.y;
      const float u = std::abs(cosine * x + sine * y) / region.half_axes.width;
      const float v = std::abs(cosine * y - sine * x) / region.half_axes.height;
      const float radius = std::pow(std::pow(u, region.exponent) + std::pow(v, region.exponent),
                                    1.0F / region.exponent);
      result.at<float>(row, column) = smooth_step(0.0F, region.feather, 1.0F - radius);
    }
  }
  return result;
}

cv::Mat warp(const cv::Mat& image, const cv::Mat& field) {
  cv::Mat map = field.clone();
  for (int row = 0; row < map.rows; ++row) {
    for (int column = 0; column < map.cols; ++column) {
      map.at<cv::Vec2f>(row, column) +=
          cv::Vec2f(static_cast<float>(column), static_cast<float>(row));
    }
  }
  cv::Mat result;
  cv::remap(image, result, map, cv::noArray(), cv::INTER_CUBIC, cv::BORDER_REFLECT_101);
  return cv::min(cv::max(result, 0.0), 1.0);
}

}  // namespace deepfake
