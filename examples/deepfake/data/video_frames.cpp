// SPDX-License-Identifier: MIT
#include "data/video_frames.hpp"

#include <algorithm>
#include <mutex>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>

#include "data/index.hpp"

namespace deepfake {
namespace {

cv::VideoCapture open(const std::filesystem::path& file) {
  // Not known to be safe in several threads, where FFmpeg refuses a file and others are tried.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  cv::VideoCapture video;
  try {
    video.open(file.string());
  } catch (const cv::Exception&) {
    video.release();  // reported below, with the file's name
  }
  if (!video.isOpened()) {
    throw UnreadableVideo(file.string() +
                          ": video cannot be opened; play it to see whether it "
                          "is whole, or convert it");
  }
  return video;
}

std::vector<int> spaced_numbers(int frames, std::size_t count) {
  std::vector<int> numbers;
  for (const std::size_t n : evenly_spaced(static_cast<std::size_t>(frames), count)) {
    numbers.push_back(static_cast<int>(n));
  }
  return numbers;
}

/// Hands the frames @p numbers (ascending) to @p read.
/// @return the number of frames there are, if the video ends before the last of them
std::optional<int> walk(const std::filesystem::path& file, const std::vector<int>& numbers,
                        const std::function<void(const VideoFrame&)>& read) {
  // Frame by frame: to jump lands on the wrong frame in many files.
  cv::VideoCapture video = open(file);
  int at = 0;
  for (const int number : numbers) {
    for (; at < number; ++at) {
      if (!video.grab()) return at;
    }
    cv::Mat bgr;
    if (!video.read(bgr) || bgr.empty()) return at;
    ++at;
    VideoFrame frame{number, {}};
    cv::cvtColor(bgr, frame.rgb, cv::COLOR_BGR2RGB);
    read(frame);
  }
  return std::nullopt;
}

/// Counts by decoding: what a file says of its length may be an estimate.
int count_frames(const std::filesystem::path& file) {
  cv::VideoCapture video = open(file);
  int frames = 0;
  while (video.grab()) ++frames;
  return frames;
}

}  // namespace

std::vector<int> read_video_frames(const std::filesystem::path& file, std::size_t count,
                                   const std::function<bool(int)>& wanted,
                                   const std::function<void(const VideoFrame&)>& read,
                                   bool all_if_any) {
  const double stated = open(file).get(cv::CAP_PROP_FRAME_COUNT);
  constexpr double limit = 1e9;
  int frames = stated >= 1 && stated < limit ? static_cast<int>(stated) : count_frames(file);
  while (frames > 0) {
    const std::vector<int> numbers = spaced_numbers(frames, count);
    std::vector<int> missing;
    std::ranges::copy_if(numbers, std::back_inserter(missing), wanted);
    if (missing.empty()) return numbers;
    if (all_if_any) missing = numbers;
    const std::optional<int> real_length = walk(file, missing, read);
    if (!real_length) return numbers;
    frames = *real_length;
  }
  throw UnreadableVideo(file.string() + ": no frame of the video can be decoded");
}

std::vector<VideoFrame> read_video_frames(const std::filesystem::path& file, std::size_t count) {
  std::vector<VideoFrame> frames;
  const auto numbers = read_video_frames(
      file, count, [](int) { return true; },
      [&](const VideoFrame& frame) { frames.push_back(frame); });
  // A video that turned out shorter than it says was walked twice.
  std::vector<VideoFrame> result;
  for (const int number : numbers) {
    result.push_back(*std::ranges::find(frames, number, &VideoFrame::number));
  }
  return result;
}

}  // namespace deepfake
