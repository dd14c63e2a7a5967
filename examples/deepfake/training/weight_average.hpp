// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <torch/serialize/archive.h>

#include <cstdint>
#include <vector>

#include "networks/detector.hpp"

namespace deepfake {

/// Exponential moving average of weights and running statistics:
///     average <- d average + (1 - d) weights,  d = min(decay, (1 + step) / (10 + step)),
/// where the smaller factor of the first steps forgets the random beginning (Tarvainen and Valpola,
/// NeurIPS 2017, arXiv 1703.01780, with TensorFlow's schedule). One more copy of the weights. The
/// detector's tensors are looked up anew each time: loading a checkpoint puts others in their
/// place.
class WeightAverage {
 public:
  /// @param detector has to outlive the average
  WeightAverage(const Detector& detector, double decay);

  /// @param step of the training, from 0
  void update(std::int64_t step);
  /// Exchanges the detector's tensors' values with the average's; again to go back.
  void swap();

  void save(torch::serialize::OutputArchive& archive) const;
  void load(torch::serialize::InputArchive& archive);

 private:
  /// Weights and running statistics as they are now.
  std::vector<at::Tensor> live() const;

  const Detector* detector_;
  std::vector<at::Tensor> average_;
  double decay_;
};

}  // namespace deepfake
