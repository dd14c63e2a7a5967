// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `gac_fas`.
struct GacFasOptions {
  double rho = 0.1;     ///< radius, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("alpha", options.alpha, "weight of the alignment term", Range::any());
  }
};

/// Gradient alignment for cross-domain face anti-spoofing:
/// d = g + mean_k grad L(theta + rho g_k / |g_k| - alpha g), L over all domains.
///
/// Le and Woo, CVPR 2024, arXiv 2402.18817; the published equations, without the order dependence
/// of the published code. d is about twice a gradient: halve the learning rate of an ERM run.
/// Passes: 1 + K. Memory: K + 2 copies of the parameters; 2 for one domain.
struct GacFas {
  using Options = GacFasOptions;
  static constexpr MethodTraits traits{
      .name = "gac_fas",
      .direction = "g + mean of pooled q_k at theta + rho u(g_k) − alpha g",
      .domains = true};
  constexpr auto operator()(GacFasOptions options = {}) const {
    return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                  WeightedSum{.w_erm = 1.0, .w_gen = 1.0});
  }
};
inline constexpr GacFas gac_fas;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
