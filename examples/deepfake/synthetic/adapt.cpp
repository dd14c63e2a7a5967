// SPDX-License-Identifier: MIT
#include "synthetic/adapt.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace deepfake {
namespace {

struct Moments {
  cv::Vec3d mean, deviation;
};

Moments moments(const cv::Mat& image, const cv::Mat& mask) {
  cv::Vec3d sum, squares;
  double weight = 1e-9;
  for (int row = 0; row < image.rows; ++row) {
    const auto* pixel = image.ptr<cv::Vec3f>(row);
    const auto* share = mask.ptr<float>(row);
    for (int column = 0; column < image.cols; ++column) {
      const double w = static_cast<double>(share[column]);
      const cv::Vec3d value = pixel[column];
      weight += w;
      sum += w * value;
      squares += w * value.mul(value);
    }
  }
  Moments m;
  m.mean = sum / weight;
  for (int c = 0; c < 3; ++c) {
    m.deviation[c] = std::sqrt(std::max(0.0, squares[c] / weight - m.mean[c] * m.mean[c]));
  }
  return m;
}

void clamp(cv::Mat& image) { image = cv::min(cv::max(image, 0.0), 1.0); }

}  // namespace

cv::Matx23d alignment(const FaceGeometry& from, const FaceGeometry& to, float jitter,
                      Random& random) {
  const auto points = [](const FaceGeometry& g) {
    return std::array<cv::Point2f, 3>{g.left_eye, g.right_eye,
                                      0.5F * (g.left_mouth + g.right_mouth)};
  };
  const auto source = points(from);
  auto destination = points(to);
  for (auto& point : destination) {
    const float dx = random.uniform(-jitter, jitter);
    point += cv::Point2f(dx, random.uniform(-jitter, jitter));
  }
  return cv::Matx23d(cv::getAffineTransform(source.data(), destination.data()));
}

cv::Mat move(const cv::Mat& image, const cv::Matx23d& map) {
  cv::Mat result;
  cv::warpAffine(image, result, map, image.size(), cv::INTER_CUBIC, cv::BORDER_REFLECT_101);
  clamp(result);
  return result;
}

void transfer_colour(cv::Mat& image, const cv::Mat& target, const cv::Mat& mask, float spread) {
  const Moments from = moments(image, mask);
  const Moments to = moments(target, mask);
  cv::Vec3f scale, offset;
  for (int c = 0; c < 3; ++c) {
    const double ratio = std::clamp(to.deviation[c] / std::max(from.deviation[c], 1e-3), 0.5, 2.0);
    const double gain = 1.0 + static_cast<double>(spread) * (ratio - 1.0);
    scale[c] = static_cast<float>(gain);
    offset[c] = static_cast<float>(to.mean[c] - gain * from.mean[c]);
  }
  for (auto& pixel : cv::Mat_<cv::Vec3f>(image)) pixel = pixel.mul(scale) + offset;
  clamp(image);
}

cv::Mat lower_resolution(const cv::Mat& image, float factor) {
  const cv::Size size(std::max(2, cvRound(static_cast<float>(image.cols) * factor)),
                      std::max(2, cvRound(static_cast<float>(image.rows) * factor)));
  cv::Mat small, result;
  cv::resize(image, small, size, 0.0, 0.0, cv::INTER_AREA);
  cv::resize(small, result, image.size(), 0.0, 0.0, cv::INTER_LINEAR);
  return result;
}

cv::Mat blur(const cv::Mat& image, float sigma) {
  cv::Mat result;
  cv::GaussianBlur(image, result, {}, static_cast<double>(sigma), 0.0, cv::BORDER_REFLECT_101);
  return result;
}

void match_detail(cv::Mat& image, const cv::Mat& target, const cv::Mat& mask, float scale,
                  float amount) {
  const cv::Mat smooth = blur(image, scale);
  cv::Mat detail = image - smooth;
  const cv::Mat wanted = target - blur(target, scale);
  const auto energy = [&mask](const cv::Mat& m) {
    const Moments stats = moments(m, mask);
    return stats.deviation.dot(stats.deviation) + stats.mean.dot(stats.mean);
  };
  const double ratio = std::sqrt(energy(wanted) / std::max(energy(detail), 1e-9));
  detail *= std::pow(std::clamp(ratio, 0.3, 3.0), static_cast<double>(amount));
  image = smooth + detail;
  clamp(image);
}

void sharpen(cv::Mat& image, float scale, float amount) {
  image += static_cast<double>(amount) * (image - blur(image, scale));
  clamp(image);
}

cv::Mat blend(const cv::Mat& image, const cv::Mat& target, const cv::Mat& mask) {
  cv::Mat result = target.clone();
  for (int row = 0; row < result.rows; ++row) {
    auto* out = result.ptr<cv::Vec3f>(row);
    const auto* in = image.ptr<cv::Vec3f>(row);
    const auto* share = mask.ptr<float>(row);
    for (int column = 0; column < result.cols; ++column) {
      if (share[column] > 0.0F) out[column] += share[column] * (in[column] - out[column]);
    }
  }
  return result;
}

}  // namespace deepfake
