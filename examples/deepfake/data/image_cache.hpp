// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <opencv2/core.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "data/index.hpp"
#include "files/left_out.hpp"

namespace deepfake {

/// Frames as 8-bit RGB of one size. Kept in memory after the first read, up to a limit; beyond it,
/// frames are read again each time. Files that cannot be decoded are remembered, not read again.
/// Several threads may ask at once.
class ImageCache {
 public:
  static constexpr std::size_t default_limit = std::size_t{4} << 30;

  /// @param index must outlive the cache
  /// @param size 0 leaves each image as large as it is
  ImageCache(const Index& index, int size, std::size_t limit_bytes = default_limit)
      : index_(index), size_(size), limit_(limit_bytes), images_(index.videos.size()) {}

  /// Shares its pixels with the cache: do not write to them. In place of a broken file, the nearest
  /// frame of the same video that can be read: the same one in every run.
  /// @throws std::runtime_error if the video has none
  cv::Mat get(FrameRef frame);
  /// The frame itself, or nothing if its file is broken.
  std::optional<cv::Mat> try_get(FrameRef frame);
  /// Every frame that is not broken, for score_frames.
  std::function<cv::Mat(FrameRef)> source() {
    return [this](FrameRef frame) { return try_get(frame).value_or(cv::Mat()); };
  }
  std::size_t bytes() const { return bytes_; }
  /// The broken files met so far, in the index's order.
  std::vector<std::filesystem::path> broken() const;
  std::vector<FrameRef> broken_frames() const;
  /// Counts a file that another process could not decode as broken.
  void know_broken(FrameRef frame);
  /// The same as rows of left_out.csv. @param treated what was done instead
  std::vector<LeftOut> left_out(const std::string& treated) const;

 private:
  const Index& index_;
  int size_;
  std::size_t limit_;
  std::size_t bytes_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::vector<cv::Mat>> images_;  // by video and frame, empty until read
  std::set<std::pair<std::size_t, std::size_t>> broken_;
};

}  // namespace deepfake
