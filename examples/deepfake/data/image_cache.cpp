// SPDX-License-Identifier: MIT
#include "data/image_cache.hpp"

#include <algorithm>
#include <stdexcept>

#include "data/faults.hpp"
#include "images/image.hpp"

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
  const std::pair key(frame.video, frame.frame);
  {
    const std::lock_guard lock(mutex_);
    images.resize(video.frames.size());
    if (!images.at(frame.frame).empty()) return images.at(frame.frame);
    if (broken_.contains(key)) return std::nullopt;
  }
  cv::Mat image;
  try {
    image = read_image(video.frames[frame.frame], size_);
  } catch (const std::runtime_error&) {
    const std::lock_guard lock(mutex_);
    broken_.insert(key);
    return std::nullopt;
  }
  const std::size_t size = image.total() * image.elemSize();
  const std::lock_guard lock(mutex_);
  if (images.at(frame.frame).empty() && bytes_ + size <= limit_) {
    bytes_ += size;
    images.at(frame.frame) = image;
  }
  return image;
}

std::vector<std::filesystem::path> ImageCache::broken() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::filesystem::path> files;
  for (const auto& [video, frame] : broken_) files.push_back(index_.videos[video].frames[frame]);
  return files;
}

std::vector<FrameRef> ImageCache::broken_frames() const {
  const std::lock_guard lock(mutex_);
  std::vector<FrameRef> frames;
  for (const auto& [video, frame] : broken_) frames.push_back({video, frame});
  return frames;
}

void ImageCache::know_broken(FrameRef frame) {
  static_cast<void>(index_.videos.at(frame.video).frames.at(frame.frame));
  const std::lock_guard lock(mutex_);
  broken_.insert({frame.video, frame.frame});
}

std::vector<LeftOut> ImageCache::left_out(const std::string& treated) const {
  const std::lock_guard lock(mutex_);
  std::vector<LeftOut> rows;
  for (const auto& [v, frame] : broken_) {
    const Video& video = index_.videos[v];
    rows.push_back({"", video.dataset, "broken image", video.frames[frame].string(), treated});
  }
  return rows;
}

}  // namespace deepfake
