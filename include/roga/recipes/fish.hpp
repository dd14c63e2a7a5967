// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/next_domain.hpp>
#include <roga/perturbation/domain_walk.hpp>
#include <roga/policy/method.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `fish`.
struct FishOptions {
  double beta = 0.05;  ///< inner learning rate
  Order order = {};    ///< drawn anew in each step, or fixed

  static constexpr void fields(auto& options, auto&& field) {
    field("beta", options.beta, "inner learning rate", Range::any());
    Order::fields(options.order, field);
  }
};

/// Fish: K inner gradient-descent steps, one per domain; d = (theta - x_K) / (K beta), the mean of
/// the gradients on the way. The base optimizer is the outer loop.
///
/// Shi et al., ICLR 2022, arXiv 2104.09937. Needs closures, or a SharedForward that names its
/// domains. Passes: 1. Memory: 1 copy of the parameters for one domain, 2 for several.
struct Fish {
  using Options = FishOptions;
  static constexpr MethodTraits traits{.name = "fish",
                                       .direction = "(theta − x_K) / (K beta) after K inner steps",
                                       .domains = true,
                                       .ordered = true};
  constexpr auto operator()(FishOptions options = {}) const {
    return recipe(DownhillWalk{.beta = options.beta}, NextDomain{.order = options.order},
                  CapturedGradient{});
  }
};
inline constexpr Fish fish;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
