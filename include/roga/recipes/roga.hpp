// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `roga`.
struct RogaOptions {
  double rho = 0.1;     ///< radius, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term
  double w_erm = 0.5;   ///< weight of the ERM gradient
  double w_gen = 0.5;   ///< weight of the captured gradients
};

/// Robust gradient alignment, each domain evaluated at its own ascent point:
/// d = w_erm g + w_gen mean_k grad L_k(theta + rho g_k / |g_k| - alpha g).
///
/// After Qiu, Jiang and Tan, ICME 2025, arXiv 2505.20653: the published idea in the form stated
/// here. Passes: 2. Memory: K + 1 copies of the parameters.
constexpr auto roga(RogaOptions options = {}) {
  return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, OwnDomain{},
                WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
}

/// The same with all domains evaluated at every ascent point, as in GAC-FAS. Passes: 1 + K.
/// Memory: K + 2 copies of the parameters; 2 for one domain.
constexpr auto roga_pooled(RogaOptions options = {}) {
  return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
