// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `roga` and `roga_pooled`.
struct RogaOptions {
  double rho = 0.1;     ///< radius, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term
  double w_erm = 0.5;   ///< weight of the ERM gradient
  double w_gen = 0.5;   ///< weight of the captured gradients

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("alpha", options.alpha, "weight of the alignment term", Range::any());
    field("w_erm", options.w_erm, "weight of the ERM gradient", Range::any());
    field("w_gen", options.w_gen, "weight of the captured gradients", Range::any());
  }
};

/// Robust gradient alignment, each domain evaluated at its own ascent point:
/// d = w_erm g + w_gen mean_k grad L_k(theta + rho g_k / |g_k| - alpha g).
///
/// After Qiu, Jiang and Tan, ICME 2025, arXiv 2505.20653: the published idea in the form stated
/// here. Passes: 2. Memory: K + 1 copies of the parameters.
struct Roga {
  using Options = RogaOptions;
  static constexpr MethodTraits traits{
      .name = "roga",
      .direction = "w_erm g + w_gen mean of own q_k at theta + rho u(g_k) − alpha g",
      .domains = true,
      .note = "the project's"};
  constexpr auto operator()(RogaOptions options = {}) const {
    return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, OwnDomain{},
                  WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
  }
};
inline constexpr Roga roga;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
