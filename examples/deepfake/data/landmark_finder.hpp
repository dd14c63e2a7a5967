// SPDX-License-Identifier: MIT
// Faces and their landmarks by dlib, where the program was built with it.
#pragma once

#include <filesystem>
#include <memory>
#include <opencv2/core.hpp>
#include <vector>

#include "data/face_alignment.hpp"

namespace deepfake {

struct FoundFace {
  cv::Rect box;
  Landmarks landmarks = {};  ///< in the image; none from a Haar cascade
};

/// "dlib 19.24", or an empty text if the program was built without it.
const char* dlib_version();

/// @throws std::runtime_error, with what to do, if the program was built without dlib
void require_dlib();

/// The file of dlib's landmarks: @p given if it is not empty, else the distribution's.
/// @throws std::runtime_error if there is none
std::filesystem::path find_landmark_model(const std::filesystem::path& given = {});

/// Frontal faces by dlib's gradient histograms (Dalal and Triggs, CVPR 2005; King, 2015) and their
/// landmarks by regression trees (Kazemi and Sullivan, CVPR 2014). Not to be shared by threads; the
/// landmarks' trees are read once and are shared by all finders.
class LandmarkFinder {
 public:
  /// @param model a file of 68 or 81 points
  /// @param enlargements the image is doubled so often before the search: faces of 80 pixels are
  /// found without, of 40 pixels with one
  /// @throws std::runtime_error naming the file if it is none, or without dlib
  explicit LandmarkFinder(const std::filesystem::path& model, int enlargements = 1);
  ~LandmarkFinder();
  LandmarkFinder(LandmarkFinder&&) noexcept;
  LandmarkFinder& operator=(LandmarkFinder&&) noexcept;

  /// The largest face first.
  /// @param rgb 8-bit RGB
  std::vector<FoundFace> faces(const cv::Mat& rgb) const;

 private:
  struct Search;
  std::unique_ptr<Search> search_;
};

}  // namespace deepfake
