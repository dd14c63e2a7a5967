// SPDX-License-Identifier: MIT
// Finds frontal faces with one of OpenCV's Haar cascades.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/objdetect.hpp>
#include <vector>

namespace deepfake {

/// The cascade file: `given` if it is not empty, else OpenCV's own in the places where it is
/// installed.
/// @throws std::runtime_error if there is none
std::filesystem::path find_cascade(const std::filesystem::path& given = {});

/// How closely to look. Detection takes time in proportion to the pixels.
struct FaceSearch {
  int longest_side = 2400;  ///< larger images are searched at this size
  int smallest = 24;        ///< side of a face in the searched image; a cascade's window is 20
  double step = 1.08;       ///< between two sizes, > 1
};

/// Not for use by several threads at once, as OpenCV's classifier is not: one finder per thread.
class FaceFinder {
 public:
  /// @throws std::runtime_error if the file is not a cascade
  explicit FaceFinder(const std::filesystem::path& cascade, FaceSearch search = {});

  /// Boxes of faces, the largest first; the same for any number of OpenCV threads.
  /// @param rgb 8-bit RGB
  std::vector<cv::Rect> faces(const cv::Mat& rgb) const;

 private:
  FaceSearch search_;
  mutable cv::CascadeClassifier classifier_;  // detection changes its buffers only
};

}  // namespace deepfake
