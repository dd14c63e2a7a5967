// SPDX-License-Identifier: MIT
#include "training/augment.hpp"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "synthetic/random.hpp"

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

cv::Mat compressed(const cv::Mat& image, int quality) {
  std::vector<unsigned char> bytes;
  cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  return cv::imdecode(bytes, cv::IMREAD_COLOR);
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
  if (Random random = root.fork("blur"); chance(random, options.blur)) {
    const double sigma = options.blur_sigma * random.uniform();
    cv::Mat blurred;
    if (sigma > 0) {
      cv::GaussianBlur(result, blurred, cv::Size(5, 5), sigma);
      result = blurred;
    }
  }
  if (Random random = root.fork("jpeg"); chance(random, options.jpeg)) {
    // OpenCV takes the channels for BGR, so the conversion to luma would see red as blue.
    cv::Mat bgr;
    cv::cvtColor(result, bgr, cv::COLOR_RGB2BGR);
    bgr = compressed(bgr, random.integer(options.jpeg_quality, 100));
    // Not into `result`, which may still be the caller's image.
    cv::Mat decoded;
    cv::cvtColor(bgr, decoded, cv::COLOR_BGR2RGB);
    result = decoded;
  }
  return result;
}

}  // namespace deepfake
