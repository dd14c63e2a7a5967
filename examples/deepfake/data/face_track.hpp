// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <opencv2/core.hpp>
#include <optional>
#include <vector>

namespace deepfake {

/// Where a person was seen last.
struct LastSeen {
  cv::Rect box;
  int missed = 0;  ///< frames since
};

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
  std::optional<LastSeen> last_;
};

/// Follows everybody in the same way. A face that nobody can have been before is a new person's.
class PeopleTracks {
 public:
  /// @param faces of the next frame, the largest first
  /// @return the person of each, numbered from 0 as they appear: first the largest face
  std::vector<std::size_t> follow(const std::vector<cv::Rect>& faces);
  void reset() { *this = {}; }

 private:
  std::vector<LastSeen> people_;
};

}  // namespace deepfake
