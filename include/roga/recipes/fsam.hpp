// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/friendly_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `fsam`.
struct FsamOptions {
  double rho = 0.1;      ///< radius, >= 0
  double sigma = 1.0;    ///< share of the running mean taken away
  double lambda = 0.95;  ///< decay of the running mean, in [0, 1]

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("sigma", options.sigma, "share of the running mean taken away", Range::any());
    field("lambda", options.lambda, "decay of the running mean", Range::within(0, 1));
  }
};

/// Friendly SAM: d = grad L(theta + rho v / |v|), v = g - sigma m, m the running mean of g.
///
/// Li et al., CVPR 2024, arXiv 2403.12350. Passes: 2. Memory: 3 copies of the parameters for one
/// domain, 4 for several.
struct Fsam {
  using Options = FsamOptions;
  static constexpr MethodTraits traits{
      .name = "fsam", .direction = "q at theta + rho u(g − sigma m), m a running mean of g"};
  constexpr auto operator()(FsamOptions options = {}) const {
    return recipe(
        FriendlyAscent{.rho = options.rho, .sigma = options.sigma, .lambda = options.lambda},
        Pooled{}, CapturedGradient{});
  }
};
inline constexpr Fsam fsam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
