// SPDX-License-Identifier: MIT
#include "data/face_crop.hpp"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <utility>

#include "images/resize.hpp"
#include "text/unknown_name.hpp"

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

FaceCutter::FaceCutter(FaceCropOptions options) : options_(std::move(options)) {
  if (!options_.is_aligned()) {
    cropper_.emplace(options_);
    return;
  }
  if (std::ranges::find(alignments, options_.align) == alignments.end()) {
    throw std::runtime_error(unknown_name("alignment", options_.align, alignments));
  }
  require_dlib();
  finder_.emplace(find_landmark_model(options_.landmarks), options_.enlargements);
}

std::vector<FoundFace> FaceCutter::faces(const cv::Mat& rgb) const {
  if (finder_) return finder_->faces(rgb);
  std::vector<FoundFace> faces;
  for (const cv::Rect& box : cropper_->faces(rgb)) faces.push_back({box});
  return faces;
}

FaceCut FaceCutter::cut(const cv::Mat& rgb, const FoundFace& face) const {
  if (!finder_) return {cropper_->crop(rgb, face.box)};
  const KeyPoints choice =
      options_.align == "deepfakebench" ? KeyPoints::deepfakebench : KeyPoints::centres;
  const cv::Matx23d transform = similarity(key_points(face.landmarks, choice),
                                           template_points(options_.size, options_.margin));
  FaceCut result;
  cv::warpAffine(rgb, result.image, transform, {options_.size, options_.size});
  for (const cv::Point2d& point : face.landmarks) {
    result.landmarks.push_back(moved(transform, point));
  }
  return result;
}

}  // namespace deepfake
