// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <mutex>
#include <opencv2/core.hpp>
#include <vector>

#include "data/index.hpp"
#include "training/sampler.hpp"

namespace deepfake {

/// Frames as 8-bit RGB of one size. Kept in memory after the first read, up to a limit; beyond it,
/// frames are read again each time. Several threads may ask at once.
class ImageCache {
 public:
  static constexpr std::size_t default_limit = std::size_t{4} << 30;

  /// @param index must outlive the cache
  ImageCache(const Index& index, int size, std::size_t limit_bytes = default_limit)
      : index_(index), size_(size), limit_(limit_bytes), images_(index.videos.size()) {}

  /// Shares its pixels with the cache: do not write to them.
  cv::Mat get(FrameRef frame);
  std::size_t bytes() const { return bytes_; }

 private:
  const Index& index_;
  int size_;
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::mutex mutex_;
  std::vector<std::vector<cv::Mat>> images_;  // by video and frame, empty until read
};

}  // namespace deepfake
