// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `gac_fas`.
struct GacFasOptions {
  double rho = 0.1;     ///< radius, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term
};

/// Gradient alignment for cross-domain face anti-spoofing:
/// d = g + mean_k grad L(theta + rho g_k / |g_k| - alpha g), L over all domains.
///
/// Le and Woo, CVPR 2024, arXiv 2402.18817; the published equations, without the order dependence
/// of the published code. d is about twice a gradient: halve the learning rate of an ERM run.
/// Passes: 1 + K. Memory: K + 2 copies of the parameters; 2 for one domain.
constexpr auto gac_fas(GacFasOptions options = {}) {
  return recipe(DomainAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                WeightedSum{.w_erm = 1.0, .w_gen = 1.0});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
