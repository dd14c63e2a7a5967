// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/loss_weighted_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `disam`.
struct DisamOptions {
  double rho = 0.05;    ///< radius, >= 0
  double lambda = 0.1;  ///< weight of the variance of the losses, >= 0; 0 is SAM

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("lambda", options.lambda, "weight of the variance of the losses", Range::not_negative());
  }
};

/// Domain-inspired SAM: ascends along domain gradients weighted towards equal losses.
///
/// Zhang et al., ICLR 2024, arXiv 2405.18861. Passes: 2. Memory: K copies of the parameters.
struct Disam {
  using Options = DisamOptions;
  static constexpr MethodTraits traits{.name = "disam",
                                       .direction = "q at theta + rho u(sum of loss-weighted g_k)",
                                       .domains = true};
  constexpr auto operator()(DisamOptions options = {}) const {
    return recipe(LossWeightedAscent{.rho = options.rho, .lambda = options.lambda}, Pooled{},
                  CapturedGradient{});
  }
};
inline constexpr Disam disam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
