// SPDX-License-Identifier: MIT
#pragma once

#include <torch/nn/module.h>
#include <roga/detail/torch.hpp>

#include <memory>

#include "training/options.hpp"

namespace deepfake {

/// A network that judges faces. Features and head are apart, so that Grad-CAM can look between.
class Detector : public torch::nn::Module {
 public:
  /// @param images [N, 3, H, W], RGB in [-1, 1]
  /// @return the last feature maps, [N, C, h, w]
  virtual at::Tensor features(const at::Tensor& images) = 0;
  /// @return one logit per image, [N]; above 0 means fake
  virtual at::Tensor head(const at::Tensor& features) = 0;

  at::Tensor forward(const at::Tensor& images) { return head(features(images)); }
};

/// Makes the network that @p options name, with random weights from LibTorch's default generator.
/// @throws std::runtime_error for an unknown name, with the nearest known one
std::shared_ptr<Detector> make_detector(const ModelOptions& options);

std::int64_t count_parameters(const Detector& detector);

}  // namespace deepfake
