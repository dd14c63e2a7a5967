// SPDX-License-Identifier: MIT
#include "report/thumbnail.hpp"

#include <opencv2/imgproc.hpp>

#include "images/image.hpp"
#include "report/html.hpp"

namespace deepfake {

std::string thumbnail(const std::filesystem::path& file, int max_height) {
  cv::Mat image = read_image(file);
  if (image.rows > max_height) {
    const double scale = static_cast<double>(max_height) / image.rows;
    cv::resize(image, image, {}, scale, scale, cv::INTER_AREA);
  }
  return png_url(encode_png(image));
}

}  // namespace deepfake
