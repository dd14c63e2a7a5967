// SPDX-License-Identifier: MIT
#include "training/frozen_stages.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>

#include <vector>

#include "training/model.hpp"
#include "training/precision.hpp"

namespace deepfake {

std::size_t frozen_stages(Detector& detector, int size) {
  const at::Device device = detector.parameters().front().device();
  const at::Tensor images =
      at::linspace(-1, 1, std::int64_t{2} * 3 * size * size).view({2, 3, size, size}).to(device);
  // Evaluation mode, so that this changes no statistics.
  detector.eval();
  std::size_t count = 0;
  const c10::AutoGradMode enable(true);
  while (count < detector.stages() && !detector.before(count + 1, images).requires_grad()) ++count;
  // Layers without weights, as dropout, are not known by what is trained.
  set_training_mode(detector, {});
  const c10::NoGradGuard no_grad;
  while (count > 0) {
    const at::Tensor once = detector.before(count, images);
    if (once.equal(detector.before(count, images))) break;
    --count;
  }
  return count;
}

at::Tensor FrozenOutputs::of(std::span<const FrameRef> frames, const at::Tensor& images) {
  const c10::NoGradGuard no_grad;
  const at::Device device = detector_.parameters().front().device();
  const Autocast autocast(device, type_);
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::pair key(frames[i].video, frames[i].frame);
    const auto found = known_.find(key);
    if (found != known_.end()) {
      outputs.push_back(found->second);
      continue;
    }
    // By itself: in a batch its last bits would depend on the images beside it, and so on where a
    // run was resumed.
    const auto row = static_cast<std::int64_t>(i);
    at::Tensor output =
        detector_.before(stages_, images.slice(0, row, row + 1).to(device)).detach();
    ++worked_out_;
    const std::size_t size = output.nbytes();
    if (bytes_ + size <= limit_) {
      bytes_ += size;
      known_.emplace(key, output);
    }
    outputs.push_back(std::move(output));
  }
  return at::cat(outputs);
}

}  // namespace deepfake
