// SPDX-License-Identifier: MIT
#include "training/image_cache.hpp"

#include <algorithm>
#include <stdexcept>

#include "data/faults.hpp"
#include "data/image.hpp"

namespace deepfake {

cv::Mat ImageCache::get(FrameRef frame) {
  if (const auto image = try_get(frame)) return *image;
  const Video& video = index_.videos[frame.video];
  for (std::size_t distance = 1; distance < video.frames.size(); ++distance) {
    if (distance <= frame.frame) {
      if (const auto image = try_get({frame.video, frame.frame - distance})) return *image;
    }
    if (frame.frame + distance < video.frames.size()) {
      if (const auto image = try_get({frame.video, frame.frame + distance})) return *image;
    }
  }
  throw std::runtime_error(place_of(video) + ": none of its frames can be read, as " +
                           video.frames[frame.frame].string() +
                           "; extract the video again or leave it out of the index");
}

std::optional<cv::Mat> ImageCache::try_get(FrameRef frame) {
  const Video& video = index_.videos.at(frame.video);
  auto& images = images_[frame.video];
  images.resize(video.frames.size());
  cv::Mat& kept = images.at(frame.frame);
  if (!kept.empty()) return kept;
  const std::pair key(frame.video, frame.frame);
  if (broken_frames_.contains(key)) return std::nullopt;
  cv::Mat image;
  try {
    image = read_image(video.frames[frame.frame], size_);
  } catch (const std::runtime_error&) {
    broken_frames_.insert(key);
    broken_.push_back(video.frames[frame.frame]);
    return std::nullopt;
  }
  const std::size_t size = image.total() * image.elemSize();
  if (bytes_ + size <= limit_) {
    bytes_ += size;
    kept = image;
  }
  return image;
}

}  // namespace deepfake
