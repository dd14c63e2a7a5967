// SPDX-License-Identifier: MIT
#include "training/image_cache.hpp"

#include "data/image.hpp"

namespace deepfake {

cv::Mat ImageCache::get(FrameRef frame) {
  const Video& video = index_.videos.at(frame.video);
  auto& images = images_[frame.video];
  {
    const std::lock_guard lock(mutex_);
    images.resize(video.frames.size());
    if (!images.at(frame.frame).empty()) return images.at(frame.frame);
  }
  cv::Mat image = read_image(video.frames[frame.frame], size_);
  const std::size_t size = image.total() * image.elemSize();
  const std::lock_guard lock(mutex_);
  if (images.at(frame.frame).empty() && bytes_ + size <= limit_) {
    bytes_ += size;
    images.at(frame.frame) = image;
  }
  return image;
}

}  // namespace deepfake
