// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <torch/nn/module.h>

#include <cstddef>

#include "networks/normalisation.hpp"

namespace deepfake {

/// A network that judges faces: stages that end in feature maps, and a head. Grad-CAM looks between
/// the two; what frozen first stages make of an image need not be worked out again.
class Detector : public torch::nn::Module {
 public:
  /// @param images [N, 3, H, W], RGB in [-1, 1]
  /// @return the last feature maps, [N, C, h, w]
  virtual at::Tensor features(const at::Tensor& images) { return before(stages(), images); }
  /// @return one logit per image, [N]; above 0 means fake
  virtual at::Tensor head(const at::Tensor& features) = 0;
  /// False where `features` are no maps that Grad-CAM could weigh.
  virtual bool has_feature_maps() const { return true; }

  at::Tensor forward(const at::Tensor& images) { return head(features(images)); }

  /// How many stages `features` has; 0 if it is one piece.
  virtual std::size_t stages() const { return 0; }
  /// What the first @p count stages make of images.
  at::Tensor before(std::size_t count, const at::Tensor& images);
  /// The logits, from what the first @p count stages have made.
  at::Tensor after(std::size_t count, at::Tensor x);

  /// What the first stage is given for a pixel; as images are, in [-1, 1], if not said.
  void normalise(const Normalisation& normalisation);
  /// What that does to images: x * scale + shift, each [3, 1, 1], or undefined: nothing.
  const at::Tensor& input_scale() const { return scale_; }
  const at::Tensor& input_shift() const { return shift_; }

 protected:
  /// @param x what stage @p number - 1 has made; of stage 0 the images, normalised
  virtual at::Tensor stage(std::size_t number, const at::Tensor& x);

 private:
  at::Tensor scale_, shift_;
};

}  // namespace deepfake
