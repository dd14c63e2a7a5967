// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/next_domain.hpp>
#include <roga/perturbation/domain_walk.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `fish`.
struct FishOptions {
  double beta = 0.05;  ///< inner learning rate
  Order order = {};    ///< drawn anew in each step, or fixed
};

/// Fish: K inner gradient-descent steps, one per domain; d = (theta - x_K) / (K beta), the mean of
/// the gradients on the way. The base optimizer is the outer loop.
///
/// Shi et al., ICLR 2022, arXiv 2104.09937. Needs closures, not a SharedForward. Passes: 1. Memory:
/// 1 copy of the parameters for one domain, 2 for several.
constexpr auto fish(FishOptions options = {}) {
  return recipe(DownhillWalk{.beta = options.beta}, NextDomain{.order = options.order},
                CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
