// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/ivalue.h>  // before torch/: clang 14 with LibTorch 1.13 needs it
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>
#include <torch/optim/optimizer.h>

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace bench {

/// The scheme of GAC-FAS's published code, without that code's faults: a full copy of the model for
/// each domain. One pooled forward pass with K + 1 backward passes through it (the domains' losses
/// and their mean), then a pooled forward and backward pass at the ascent point of each copy:
/// K + 1 pooled forward and 2 K + 1 pooled backward passes, and 3 K + 2 copies of the parameters.
class GacFasScheme {
 public:
  /// Losses of all domains over the whole minibatch, [K], of a model with these parameters.
  using Losses = std::function<at::Tensor(std::size_t copy)>;

  /// @param models the model and K copies of it; @param losses gives [K] losses of models[copy]
  GacFasScheme(std::vector<std::vector<at::Tensor>> models, Losses losses, double rho, double alpha)
      : models_(std::move(models)), losses_(std::move(losses)), rho_(rho), alpha_(alpha) {}

  void step(torch::optim::Optimizer& base);

 private:
  std::vector<std::vector<at::Tensor>> models_;  ///< parameters: of the model, then of its copies
  Losses losses_;
  double rho_;
  double alpha_;
};

}  // namespace bench
