// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/policy/method.hpp>
#include <roga/recipes/roga.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Robust gradient alignment with all domains evaluated at every ascent point, as in GAC-FAS:
/// d = w_erm g + w_gen mean_k grad L(theta + rho g_k / |g_k| - alpha g), L over all domains.
///
/// Passes: 1 + K. Memory: K + 2 copies of the parameters; 2 for one domain.
struct RogaPooled {
  using Options = RogaOptions;
  static constexpr MethodTraits traits{
      .name = "roga_pooled", .direction = "the same as `roga` with pooled q_k", .domains = true};
  constexpr auto operator()(RogaOptions options = {}) const {
    return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                  WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
  }
};
inline constexpr RogaPooled roga_pooled;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
