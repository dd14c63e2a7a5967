// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <roga/tensor/torch.hpp>
#include <vector>

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
///
///     optimizer.step(roga::SharedForward{[&] { return losses_of(batch); }});
///     optimizer.step(roga::SharedForward{[&] { return losses_of(batch); }, {0, 2}});  // no data
///     of 1
struct SharedForward {
  std::function<at::Tensor()> losses;  ///< [K] losses, one for each domain, in the graph
  /// Positions of the domains that the losses belong to, in ascending order; empty means 0 to K -
  /// 1. Domains that are left out have no data in this step.
  std::vector<std::size_t> domains = {};
};

/// A closure for each domain, and one over all of them. The latter makes the passes over the whole
/// minibatch, such as those of `sam`, or of `roga_pooled` at its points: one pass is faster than K
/// small ones. With batch norm its statistics are those of all domains together.
///
///     optimizer.step(roga::Domains{closures, [&] {
///       auto losses = losses_of(batch);  // [K], the mean of each domain's samples
///       losses.mean().backward();
///       return losses;
///     }});
struct Domains {
  std::vector<LossClosure> closures;  ///< as for step(closures)
  /// Leaves the gradient of the mean loss of the present domains. Returns their losses, [K], or
  /// only the mean; then `last_step().losses()` has the mean for each. Not called with one domain.
  LossClosure pooled;
};

/// What a phased step may ask of one backward pass.
enum class Passes : unsigned char {
  by_domain,  ///< the data of one domain
  pooled,     ///< of all present domains, where the recipe wants the whole minibatch
};

namespace detail {

/// @throws c10::Error unless each domain comes once, in ascending order
inline void require_ascending(const std::vector<std::size_t>& domains, const char* whose) {
  for (std::size_t k = 1; k < domains.size(); ++k) {
    TORCH_CHECK(domains[k - 1] < domains[k], "roga: ", whose, " got domain ", domains[k],
                " after domain ", domains[k - 1],
                "; list each present domain once, in ascending order");
  }
}

}  // namespace detail

}  // namespace v1
}  // namespace roga
