// SPDX-License-Identifier: MIT
#include "training/image_cache.hpp"

#include "data/image.hpp"

namespace deepfake {

cv::Mat ImageCache::get(FrameRef frame) {
  const Video& video = index_.videos.at(frame.video);
  auto& images = images_[frame.video];
  images.resize(video.frames.size());
  cv::Mat& kept = images.at(frame.frame);
  if (!kept.empty()) return kept;
  cv::Mat image = read_image(video.frames[frame.frame], size_);
  const std::size_t size = image.total() * image.elemSize();
  if (bytes_ + size <= limit_) {
    bytes_ += size;
    kept = image;
  }
  return image;
}

}  // namespace deepfake
