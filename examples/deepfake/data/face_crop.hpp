// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <vector>

#include "data/face_finder.hpp"

namespace deepfake {

struct FaceCropOptions {
  double margin = 1.3;                 ///< side of the crop over that of the face's box
  int size = 256;                      ///< side of the result in pixels
  std::filesystem::path cascade = {};  ///< file of a Haar cascade; OpenCV's own if empty
  /// Faces to judge fill more than a thirtieth of a video's frame; looking closer costs time.
  FaceSearch search = {.longest_side = 1280, .smallest = 24, .step = 1.1};
};

/// Cuts out the faces that FaceFinder finds. Not to be shared by threads.
class FaceCropper {
 public:
  /// @throws std::runtime_error if no cascade is found or the file is none
  explicit FaceCropper(FaceCropOptions options = {});

  /// Boxes of the faces in 8-bit RGB, the largest first.
  std::vector<cv::Rect> faces(const cv::Mat& rgb) const { return finder_.faces(rgb); }
  /// The largest face, square, with its surroundings; the image's border is continued where the
  /// square reaches beyond it. Nothing if there is no face.
  std::optional<cv::Mat> crop(const cv::Mat& rgb) const;
  /// The same for a box of faces().
  cv::Mat crop(const cv::Mat& rgb, const cv::Rect& face) const;

 private:
  FaceCropOptions options_;
  FaceFinder finder_;
};

}  // namespace deepfake
