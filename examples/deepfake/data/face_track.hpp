// SPDX-License-Identifier: MIT
#pragma once

#include <opencv2/core.hpp>
#include <optional>
#include <vector>

namespace deepfake {

/// Follows one person through the frames of a video: the largest face at first, then the face that
/// overlaps the last one most, or the nearest one where none overlaps. A face that is too far away
/// to be the same person's is somebody else's, so a frame in which the detector misses the person
/// is left out and the track does not jump.
class FaceTrack {
 public:
  /// @param faces of the next frame, the largest first
  /// @return the person's, if it is among them
  std::optional<cv::Rect> follow(const std::vector<cv::Rect>& faces);
  void reset() { *this = {}; }

 private:
  std::optional<cv::Rect> last_;
  int missed_ = 0;  // frames since
};

}  // namespace deepfake
