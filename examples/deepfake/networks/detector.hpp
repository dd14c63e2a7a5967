// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <torch/nn/module.h>

namespace deepfake {

/// A network that judges faces. Features and head are apart, so that Grad-CAM can look between.
class Detector : public torch::nn::Module {
 public:
  /// @param images [N, 3, H, W], RGB in [-1, 1]
  /// @return the last feature maps, [N, C, h, w]
  virtual at::Tensor features(const at::Tensor& images) = 0;
  /// @return one logit per image, [N]; above 0 means fake
  virtual at::Tensor head(const at::Tensor& features) = 0;
  /// False where `features` are no maps that Grad-CAM could weigh.
  virtual bool has_feature_maps() const { return true; }

  at::Tensor forward(const at::Tensor& images) { return head(features(images)); }
};

}  // namespace deepfake
