// SPDX-License-Identifier: MIT
#include "synthetic/camera.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace deepfake {

cv::Mat expose(const cv::Mat& image, const Scene& scene) {
  cv::Mat result;
  const double sigma = static_cast<double>(scene.blur) * image.cols / 64.0;
  cv::GaussianBlur(image, result, {}, sigma, sigma, cv::BORDER_REPLICATE);
  result *= static_cast<double>(scene.gain);
  return cv::min(cv::max(result, 0.0), 1.0);
}

void add_noise(cv::Mat& image, float deviation, Random& random) {
  for (int row = 0; row < image.rows; ++row) {
    auto* line = image.ptr<float>(row);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      line[i] = std::clamp(line[i] + deviation * random.normal(), 0.0F, 1.0F);
    }
  }
}

Face capture(const Face& rendered, const Scene& scene, Random random) {
  Face result = rendered;
  result.image = expose(rendered.image, scene);
  add_noise(result.image, scene.noise, random);
  result.noise = scene.noise;
  return result;
}

float estimate_noise(const cv::Mat& image) {
  // Response of the product of two second differences; noise of deviation s comes out as 6 s.
  const cv::Mat kernel = (cv::Mat_<float>(3, 3) << 1, -2, 1, -2, 4, -2, 1, -2, 1);
  cv::Mat response;
  cv::filter2D(image, response, CV_32F, kernel, {-1, -1}, 0.0, cv::BORDER_REPLICATE);
  response = cv::abs(response.reshape(1));
  std::vector<float> values(response.begin<float>(), response.end<float>());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  constexpr float normal_quartile = 0.6745F;
  return *middle / normal_quartile / 6.0F;
}

FaceGeometry template_geometry(int size) {
  // The ArcFace template (112 pixels, x moved by 8), shrunk by the margin 1.3 about the centre.
  const auto s = static_cast<float>(size);
  const auto at = [s](float x, float y) {
    return cv::Point2f{(0.5F + ((x + 8.0F) / 112.0F - 0.5F) / 1.3F) * s,
                       (0.5F + (y / 112.0F - 0.5F) / 1.3F) * s};
  };
  FaceGeometry g;
  g.left_eye = at(30.29F, 51.70F);
  g.right_eye = at(65.53F, 51.50F);
  g.nose = at(48.03F, 71.74F);
  g.left_mouth = at(33.55F, 92.37F);
  g.right_mouth = at(62.73F, 92.20F);
  g.centre = {0.50F * s, 0.57F * s};
  g.half_axes = {0.30F * s, 0.37F * s};
  return g;
}

}  // namespace deepfake
