// SPDX-License-Identifier: MIT
#include "training/weight_average.hpp"

#include <algorithm>
#include <string>

namespace deepfake {

WeightAverage::WeightAverage(const Detector& detector, double decay)
    : detector_(&detector), decay_(decay) {
  for (const at::Tensor& tensor : live()) average_.push_back(tensor.clone());
}

std::vector<at::Tensor> WeightAverage::live() const {
  std::vector<at::Tensor> tensors;
  for (const at::Tensor& tensor : detector_->parameters()) tensors.push_back(tensor.detach());
  for (const at::Tensor& tensor : detector_->buffers()) tensors.push_back(tensor);
  return tensors;
}

void WeightAverage::update(std::int64_t step) {
  const c10::NoGradGuard no_grad;
  const auto count = static_cast<double>(step);
  const double decay = std::min(decay_, (1 + count) / (10 + count));
  const std::vector<at::Tensor> now = live();
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (average_[i].is_floating_point()) {
      average_[i].lerp_(now[i], 1 - decay);
    } else {
      average_[i].copy_(now[i]);  // the number of batches
    }
  }
}

void WeightAverage::swap() {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> now = live();
  for (std::size_t i = 0; i < now.size(); ++i) {
    const at::Tensor kept = now[i].clone();
    now[i].copy_(average_[i]);
    average_[i].copy_(kept);
  }
}

void WeightAverage::save(torch::serialize::OutputArchive& archive) const {
  for (std::size_t i = 0; i < average_.size(); ++i) {
    archive.write(std::to_string(i), average_[i], /*is_buffer=*/true);
  }
}

void WeightAverage::load(torch::serialize::InputArchive& archive) {
  for (std::size_t i = 0; i < average_.size(); ++i) {
    archive.read(std::to_string(i), average_[i], /*is_buffer=*/true);
  }
}

}  // namespace deepfake
