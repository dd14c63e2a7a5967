// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <vector>

namespace deepfake {

struct VideoFrame {
  int number = 0;  ///< in the video, from 0
  cv::Mat rgb;     ///< 8-bit
};

/// A video file that is no help: it cannot be opened, or no frame of it decoded.
class UnreadableVideo : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// @p count frames evenly spaced over the video, its first and last included (evenly_spaced); all
/// with count 0 or if there are not more.
/// @throws UnreadableVideo naming the file
std::vector<VideoFrame> read_video_frames(const std::filesystem::path& file, std::size_t count);

/// The same, a frame at a time. Frames for whose number @p wanted is false are not decoded, and
/// nothing is if that goes for all.
/// @param all_if_any hand over the others, too, where one is wanted
/// @return the numbers of the evenly spaced frames, wanted or not
std::vector<int> read_video_frames(const std::filesystem::path& file, std::size_t count,
                                   const std::function<bool(int)>& wanted,
                                   const std::function<void(const VideoFrame&)>& read,
                                   bool all_if_any = false);

}  // namespace deepfake
