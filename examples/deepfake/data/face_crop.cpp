// SPDX-License-Identifier: MIT
#include "data/face_crop.hpp"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "images/resize.hpp"

namespace deepfake {
FaceCropper::FaceCropper(FaceCropOptions options)
    : options_(std::move(options)), finder_(find_cascade(options_.cascade), options_.search) {}

std::optional<cv::Mat> FaceCropper::crop(const cv::Mat& rgb) const {
  const std::vector<cv::Rect> found = faces(rgb);
  if (found.empty()) return std::nullopt;
  return crop(rgb, found.front());
}

cv::Mat FaceCropper::crop(const cv::Mat& rgb, const cv::Rect& face) const {
  const int side = std::max(cvRound(std::max(face.width, face.height) * options_.margin), 1);
  const cv::Point2f centre(static_cast<float>(face.x) + static_cast<float>(face.width - 1) / 2,
                           static_cast<float>(face.y) + static_cast<float>(face.height - 1) / 2);
  cv::Mat part;
  cv::getRectSubPix(rgb, cv::Size(side, side), centre, part);
  return resized_smoothly(part, options_.size);
}

}  // namespace deepfake
