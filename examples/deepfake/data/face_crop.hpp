// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/face_finder.hpp"
#include "data/landmark_finder.hpp"

namespace deepfake {

struct FaceCropOptions {
  /// none: a square around the box of a Haar cascade. dlib: turned and scaled so that the landmarks
  /// lie where a template has them. deepfakebench: the same by the landmarks that it takes.
  std::string align = "none";
  std::filesystem::path landmarks = {};  ///< file of dlib's landmarks; the distribution's if empty
  int enlargements = 1;                  ///< of LandmarkFinder
  double margin = 1.3;                   ///< side of the crop over that of the box or template
  int size = 256;                        ///< side of the result in pixels
  std::filesystem::path cascade = {};    ///< file of a Haar cascade; OpenCV's own if empty
  /// Faces to judge fill more than a thirtieth of a video's frame; looking closer costs time.
  FaceSearch search = {.longest_side = 1280, .smallest = 24, .step = 1.1};

  bool is_aligned() const { return align != "none"; }
};

/// The values of FaceCropOptions::align that need dlib.
inline const std::vector<std::string> alignments{"dlib", "deepfakebench"};

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

struct FaceCut {
  cv::Mat image;             ///< 8-bit RGB
  Landmarks landmarks = {};  ///< in it; none where faces are not aligned
};

/// Cuts out faces as the options say: squares around Haar's boxes, or aligned. Not to be shared by
/// threads.
class FaceCutter {
 public:
  /// @throws std::runtime_error for an unknown alignment, a file that is missing or none of its
  /// kind, or without dlib where it is asked for
  explicit FaceCutter(FaceCropOptions options);

  /// In 8-bit RGB, the largest first.
  std::vector<FoundFace> faces(const cv::Mat& rgb) const;
  /// @param face one of faces(). Aligned crops are black beyond the image's border, as
  /// DeepfakeBench's are.
  FaceCut cut(const cv::Mat& rgb, const FoundFace& face) const;

 private:
  FaceCropOptions options_;
  std::optional<FaceCropper> cropper_;
  std::optional<LandmarkFinder> finder_;
};

}  // namespace deepfake
