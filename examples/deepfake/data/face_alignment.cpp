// SPDX-License-Identifier: MIT
#include "data/face_alignment.hpp"

#include <complex>
#include <cstddef>

namespace deepfake {
namespace {

using Complex = std::complex<double>;

/// The mean of the points @p first to before @p end.
cv::Point2d mean(const Landmarks& points, std::size_t first, std::size_t end) {
  cv::Point2d sum;
  for (std::size_t i = first; i < end; ++i) sum += points[i];
  return sum / static_cast<double>(end - first);
}

}  // namespace

FivePoints key_points(const Landmarks& landmarks, KeyPoints choice) {
  if (choice == KeyPoints::deepfakebench) {
    return {landmarks[37], landmarks[44], landmarks[30], landmarks[49], landmarks[55]};
  }
  return {mean(landmarks, 36, 42), mean(landmarks, 42, 48), landmarks[30], landmarks[48],
          landmarks[54]};
}

FivePoints template_points(int size, double scale) {
  constexpr double side = 112;
  // Published for 96 pixels of width: 8 more on either side make a square.
  constexpr double widened = 8;
  FivePoints points{{{30.2946 + widened, 51.6963},
                     {65.5318 + widened, 51.5014},
                     {48.0252 + widened, 71.7366},
                     {33.5493 + widened, 92.3655},
                     {62.7299 + widened, 92.2041}}};
  const cv::Point2d margin(side * (scale - 1) / 2, side * (scale - 1) / 2);
  for (cv::Point2d& point : points) point = (point + margin) * (size / (side * scale));
  return points;
}

cv::Matx23d similarity(const FivePoints& from, const FivePoints& to) {
  const auto number = [](const cv::Point2d& point) { return Complex(point.x, point.y); };
  Complex from_mean, to_mean;
  for (std::size_t i = 0; i < from.size(); ++i) {
    from_mean += number(from[i]) / 5.0;
    to_mean += number(to[i]) / 5.0;
  }
  Complex product;
  double square = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Complex point = number(from[i]) - from_mean;
    product += std::conj(point) * (number(to[i]) - to_mean);
    square += std::norm(point);
  }
  const Complex a = product / square;
  const Complex shift = to_mean - a * from_mean;
  return {a.real(), -a.imag(), shift.real(), a.imag(), a.real(), shift.imag()};
}

cv::Point2d moved(const cv::Matx23d& transform, const cv::Point2d& point) {
  const cv::Vec2d result = transform * cv::Vec3d(point.x, point.y, 1);
  return {result[0], result[1]};
}

}  // namespace deepfake
