// SPDX-License-Identifier: MIT
#include "training/scoring.hpp"

#include <ATen/ops/sigmoid.h>

#include <algorithm>
#include <iterator>

#include "training/batch.hpp"

namespace deepfake {

std::vector<FrameScore> score_frames(Detector& detector, const Index& index,
                                     const ImageSource& source,
                                     const std::function<void(std::size_t)>& scored,
                                     const Judge& judge) {
  constexpr std::size_t batch_size = 64;
  const c10::NoGradGuard no_grad;
  detector.eval();
  const at::Device device = detector.parameters().front().device();
  std::vector<FrameScore> scores;
  std::vector<cv::Mat> images;
  std::vector<FrameRef> frames;
  const auto flush = [&] {
    if (images.empty()) return;
    const at::Tensor batch = to_tensor(images);
    const at::Tensor logits = judge ? judge(batch, frames) : detector.forward(batch.to(device));
    const at::Tensor probabilities = at::sigmoid(logits).cpu();
    const float* probability = probabilities.data_ptr<float>();
    for (std::size_t i = scores.size() - images.size(); i < scores.size(); ++i) {
      scores[i].prob = static_cast<double>(*probability++);
    }
    if (scored) scored(images.size());
    images.clear();
    frames.clear();
  };
  for (std::size_t v = 0; v < index.videos.size(); ++v) {
    const Video& video = index.videos[v];
    for (std::size_t f = 0; f < video.frames.size(); ++f) {
      cv::Mat image = source({v, f});
      if (image.empty()) continue;
      images.push_back(std::move(image));
      frames.push_back({v, f});
      scores.push_back({video.dataset, video.domain, video.name, video.frames[f].stem().string(),
                        video.is_fake ? 1 : 0, 0, video.compression});
      if (images.size() == batch_size) flush();
    }
  }
  flush();
  return scores;
}

bool of_one_kind(std::span<const FrameScore> scores) {
  const auto fakes = std::ranges::count(scores, 1, &FrameScore::label);
  return fakes == 0 || fakes == std::ssize(scores);
}

std::string left_out_text(const Index& index) {
  return index.videos.front().dataset +
         " is left out: an evaluation needs real and fake frames, and it has one kind in split " +
         index.videos.front().split;
}

}  // namespace deepfake
