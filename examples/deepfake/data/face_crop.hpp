// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>
#include <optional>
#include <vector>

namespace deepfake {

struct FaceCropOptions {
  double margin = 1.3;                 ///< side of the crop over that of the face's box
  int size = 256;                      ///< side of the result in pixels
  std::filesystem::path cascade = {};  ///< file of a Haar cascade; OpenCV's own if empty
};

/// Finds frontal faces with OpenCV's Haar cascade. Not to be shared by threads.
class FaceCropper {
 public:
  /// @throws std::runtime_error if no cascade is found or the file is none
  explicit FaceCropper(FaceCropOptions options = {});

  /// Boxes of the faces in 8-bit RGB, the largest first.
  std::vector<cv::Rect> faces(const cv::Mat& rgb);
  /// The largest face, square, with its surroundings; the image's border is continued where the
  /// square reaches beyond it. Nothing if there is no face.
  std::optional<cv::Mat> crop(const cv::Mat& rgb);
  /// The same for a box of faces().
  cv::Mat crop(const cv::Mat& rgb, const cv::Rect& face) const;

 private:
  FaceCropOptions options_;
  cv::CascadeClassifier cascade_;
};

/// The cascade that OpenCV's packages install.
/// @throws std::runtime_error naming the folders that were searched
std::filesystem::path find_face_cascade();

}  // namespace deepfake
