// SPDX-License-Identifier: MIT
#include "training/augment.hpp"

#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "images/jpeg.hpp"
#include "images/resize.hpp"
#include "random/random.hpp"

namespace deepfake {
namespace {

/// A symmetric draw: in [-bound, bound].
double within(Random& random, double bound) {
  return random.uniform(static_cast<float>(-bound), static_cast<float>(bound));
}
bool chance(Random& random, double probability) {
  return random.chance(static_cast<float>(probability));
}

cv::Mat warped(const cv::Mat& image, const AugmentOptions& options, Random& random) {
  const double angle = within(random, options.rotation);
  const double scale = 1 + within(random, options.scale);
  const double shift_x = within(random, options.shift) * image.cols;
  const double shift_y = within(random, options.shift) * image.rows;
  const cv::Point2f centre(static_cast<float>(image.cols - 1) / 2,
                           static_cast<float>(image.rows - 1) / 2);
  cv::Mat transform = cv::getRotationMatrix2D(centre, angle, scale);
  transform.at<double>(0, 2) += shift_x;
  transform.at<double>(1, 2) += shift_y;
  cv::Mat result;
  // Cubic, because linear interpolation would blur away the fine traces of a manipulation.
  cv::warpAffine(image, result, transform, image.size(), cv::INTER_CUBIC, cv::BORDER_REFLECT_101);
  return result;
}

/// Down by up to a half and up again, each with a method drawn at random: what a picture has been
/// through on its way.
cv::Mat resampled_at_random(const cv::Mat& image, Random& random) {
  constexpr std::array<int, 3> methods{cv::INTER_AREA, cv::INTER_CUBIC, cv::INTER_LINEAR};
  const double factor = random.uniform(0.5F, 1.0F);
  const int down = methods.at(static_cast<std::size_t>(random.integer(0, 2)));
  const int up = methods.at(static_cast<std::size_t>(random.integer(1, 2)));
  return resampled(image, factor, down, up);
}

cv::Mat recoloured(const cv::Mat& image, const AugmentOptions& options, Random& random) {
  cv::Mat scaled, hsv, result;
  image.convertTo(scaled, CV_32F, 1.0 / 255);
  cv::cvtColor(scaled, hsv, cv::COLOR_RGB2HSV);  // hue in degrees
  std::vector<cv::Mat> planes;
  cv::split(hsv, planes);
  planes[0] += within(random, options.hue);
  planes[1] *= 1 + within(random, options.saturation);
  cv::min(planes[1], 1.0, planes[1]);
  // OpenCV wants hues from 0 to 360.
  planes[0].forEach<float>([](float& hue, const int*) { hue -= 360 * std::floor(hue / 360); });
  cv::merge(planes, hsv);
  cv::cvtColor(hsv, scaled, cv::COLOR_HSV2RGB);
  scaled.convertTo(result, CV_8U, 255);
  return result;
}

/// Noise along the principal axes of the picture's colours, as strong as the picture varies there
/// (Krizhevsky et al., NIPS 2012).
cv::Mat shifted_along_colours(const cv::Mat& image, double strength, Random& random) {
  cv::Mat pixels, covariance, mean, values, axes, result;
  image.reshape(1, static_cast<int>(image.total())).convertTo(pixels, CV_32F);
  cv::calcCovarMatrix(pixels, covariance, mean, cv::COVAR_NORMAL | cv::COVAR_ROWS | cv::COVAR_SCALE,
                      CV_64F);
  cv::eigen(covariance, values, axes);
  cv::Scalar shift;
  for (int axis = 0; axis < 3; ++axis) {
    const double amount = strength * random.normal() * std::sqrt(values.at<double>(axis));
    for (int channel = 0; channel < 3; ++channel) {
      shift[channel] += amount * axes.at<double>(axis, channel);
    }
  }
  cv::add(image, shift, result);
  return result;
}

}  // namespace

cv::Mat augment(const cv::Mat& image, const AugmentOptions& options, std::uint64_t key) {
  if (!options.augment) return image;
  const Random root(key);
  cv::Mat result = image;
  if (Random random = root.fork("flip"); chance(random, options.flip)) {
    cv::Mat flipped;
    cv::flip(result, flipped, 1);
    result = flipped;
  }
  if (Random random = root.fork("affine"); chance(random, options.affine)) {
    result = warped(result, options, random);
  }
  if (options.brightness > 0 || options.contrast > 0) {
    Random random = root.fork("light");
    const double gain = 1 + within(random, options.contrast);
    const double offset = 255 * within(random, options.brightness);
    cv::Mat lit;
    result.convertTo(lit, CV_8U, gain, 127.5 * (1 - gain) + offset);
    result = lit;
  }
  if (options.hue > 0 || options.saturation > 0) {
    Random random = root.fork("colour");
    result = recoloured(result, options, random);
  }
  if (options.pca > 0) {
    Random random = root.fork("pca");
    result = shifted_along_colours(result, options.pca, random);
  }
  if (Random random = root.fork("resample"); chance(random, options.resample)) {
    result = resampled_at_random(result, random);
  }
  if (Random random = root.fork("blur"); chance(random, options.blur)) {
    const double sigma = options.blur_sigma * random.uniform();
    cv::Mat blurred;
    if (sigma > 0) {
      cv::GaussianBlur(result, blurred, cv::Size(5, 5), sigma);
      result = blurred;
    }
  }
  if (Random random = root.fork("jpeg"); chance(random, options.jpeg)) {
    result = rgb_through_jpeg(result, random.integer(options.jpeg_quality, 100));
  }
  return result;
}

}  // namespace deepfake
