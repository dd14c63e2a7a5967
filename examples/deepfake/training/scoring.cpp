// SPDX-License-Identifier: MIT
#include "training/scoring.hpp"

#include <ATen/ops/sigmoid.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "training/batch.hpp"

namespace deepfake {

std::vector<FrameScore> score_frames(Detector& detector, const Index& index,
                                     const ImageSource& source,
                                     const std::function<void(std::size_t)>& scored) {
  Ranks alone;
  return score_frames(detector, index, source, alone, scored);
}

std::vector<FrameScore> score_frames(Detector& detector, const Index& index,
                                     const ImageSource& source, Ranks& ranks,
                                     const std::function<void(std::size_t)>& scored,
                                     const FrameJudge& judge) {
  constexpr std::size_t batch_size = 64;
  const c10::NoGradGuard no_grad;
  detector.eval();
  std::vector<FrameRef> frames;
  for (std::size_t v = 0; v < index.videos.size(); ++v) {
    for (std::size_t f = 0; f < index.videos[v].frames.size(); ++f) frames.push_back({v, f});
  }
  // Of each frame whether it has a score, and that: exact in a sum where the others have zeros.
  std::vector<double> has_score(frames.size(), 0.0);
  std::vector<double> scores(frames.size(), 0.0);
  ranks.together([&] {
    const at::Device device = detector.parameters().front().device();
    for (std::size_t batch = ranks.rank(); batch * batch_size < frames.size();
         batch += ranks.size()) {
      std::vector<cv::Mat> images;
      std::vector<std::size_t> numbers;
      std::vector<FrameRef> of_batch;
      const std::size_t end = std::min(frames.size(), (batch + 1) * batch_size);
      for (std::size_t n = batch * batch_size; n < end; ++n) {
        cv::Mat image = source(frames[n]);
        if (image.empty()) continue;
        images.push_back(std::move(image));
        numbers.push_back(n);
        of_batch.push_back(frames[n]);
      }
      if (images.empty()) continue;
      const at::Tensor input = to_tensor(images);
      const at::Tensor logits = judge ? judge(input, of_batch) : detector.forward(input.to(device));
      const at::Tensor probabilities = at::sigmoid(logits).cpu();
      const float* probability = probabilities.data_ptr<float>();
      for (const std::size_t n : numbers) {
        has_score[n] = 1;
        scores[n] = static_cast<double>(*probability++);
      }
      if (scored) scored(images.size());
    }
  });
  ranks.add_up(has_score);
  ranks.add_up(scores);
  std::vector<FrameScore> all;
  for (std::size_t n = 0; n < frames.size(); ++n) {
    if (has_score[n] == 0) continue;
    const Video& video = index.videos[frames[n].video];
    all.push_back({video.dataset, video.domain, video.name,
                   video.frames[frames[n].frame].stem().string(), video.is_fake ? 1 : 0, scores[n],
                   video.compression});
  }
  return all;
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
