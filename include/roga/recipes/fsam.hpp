// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/friendly_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `fsam`.
struct FsamOptions {
  double rho = 0.1;      ///< radius, >= 0
  double sigma = 1.0;    ///< share of the running mean taken away
  double lambda = 0.95;  ///< decay of the running mean, in [0, 1]
};

/// Friendly SAM: d = grad L(theta + rho v / |v|), v = g - sigma m, m the running mean of g.
///
/// Li et al., CVPR 2024, arXiv 2403.12350. Passes: 2. Memory: 3 copies of the parameters for one
/// domain, 4 for several.
constexpr auto fsam(FsamOptions options = {}) {
  return recipe(
      FriendlyAscent{.rho = options.rho, .sigma = options.sigma, .lambda = options.lambda},
      Pooled{}, CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
