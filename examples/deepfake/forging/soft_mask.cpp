// SPDX-License-Identifier: MIT
#include "forging/soft_mask.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "synthetic/adapt.hpp"

namespace deepfake {
namespace {

/// A slow wave around the outline: relative changes of the distance from the middle.
class Wave {
 public:
  explicit Wave(Random& random) {
    for (Part& part : parts_) {
      part.height = random.uniform(-0.07F, 0.07F);
      part.phase = random.uniform(0.0F, 2.0F * std::numbers::pi_v<float>);
    }
  }
  float at(float angle) const {
    float sum = 0.0F;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const auto turns = static_cast<float>(i + 2);
      sum += parts_[i].height * std::cos(turns * angle + parts_[i].phase);
    }
    return sum;
  }

 private:
  struct Part {
    float height = 0.0F, phase = 0.0F;
  };
  std::array<Part, 3> parts_;
};

}  // namespace

cv::Mat soft_mask(const std::vector<cv::Point2f>& outline, cv::Size size, Random random) {
  const float scale = random.uniform(0.85F, 1.05F);
  const Wave wave(random);
  const auto side = static_cast<float>(size.width);
  const float edge = side * random.uniform(0.01F, 0.04F);
  const float softness = side * random.uniform(0.005F, 0.04F);

  cv::Point2f middle;
  for (const cv::Point2f& point : outline) middle += point;
  middle /= static_cast<float>(outline.size());
  // Corners bend too little: there are points between them.
  constexpr int between = 4;
  constexpr int fraction_bits = 4;
  std::vector<cv::Point> polygon;
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const cv::Point2f from = outline[i];
    const cv::Point2f step = (outline[(i + 1) % outline.size()] - from) / between;
    for (int k = 0; k < between; ++k) {
      const cv::Point2f arm = from + static_cast<float>(k) * step - middle;
      const float factor = scale * (1.0F + wave.at(std::atan2(arm.y, arm.x)));
      const cv::Point2f moved = (middle + factor * arm) * static_cast<float>(1 << fraction_bits);
      polygon.emplace_back(cvRound(moved.x), cvRound(moved.y));
    }
  }
  cv::Mat filled = cv::Mat::zeros(size, CV_8U);
  cv::fillPoly(filled, std::vector<std::vector<cv::Point>>{polygon}, cv::Scalar(255), cv::LINE_AA,
               fraction_bits);
  cv::Mat mask;
  filled.convertTo(mask, CV_32F, 1.0 / 255);
  // The upper half of a blurred edge: the blend stays within the outline.
  mask = blur(mask, edge);
  mask = cv::max(2.0 * mask - 1.0, 0.0);
  mask = blur(mask, softness);
  double highest = 0;
  cv::minMaxLoc(mask, nullptr, &highest);
  if (highest > 0) mask *= 1.0 / highest;
  return cv::min(mask, 1.0);
}

}  // namespace deepfake
