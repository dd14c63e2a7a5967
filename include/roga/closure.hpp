// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {

/// Computes the loss of one domain's minibatch: zero_grad (harmless if left out), forward,
/// backward, return the loss. It may loop over micro-batches. A step calls it once per pass, so it
/// must not draw a new minibatch. An empty closure in a list marks a domain without data in this
/// step.
using LossClosure = torch::optim::Optimizer::LossClosure;

/// One forward pass for all domains: returns a [K] tensor with each domain's mean loss, still
/// attached to its graph; the step calls backward. Batch-norm statistics stay pooled. With one
/// closure per domain they are per domain; both agree for networks whose samples do not interact.
struct SharedForward {
  std::function<at::Tensor()> losses;  ///< [K] losses, one for each domain, in the graph
};

}  // namespace v1
}  // namespace roga
