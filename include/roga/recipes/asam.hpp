// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `asam`.
struct AsamOptions {
  double rho = 0.5;   ///< radius in the scaled space, >= 0 (Kwon et al., section 5)
  double eta = 0.01;  ///< added to |theta|, >= 0
};

/// Adaptive SAM: d = grad L(theta + rho T^2 g / |T g|), T = |theta| + eta.
///
/// Kwon et al., ICML 2021, arXiv 2102.11600. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
constexpr auto asam(AsamOptions options = {}) {
  return recipe(
      NormalizedAscentIn<AbsoluteParameter>{.rho = options.rho, .metric = {.eta = options.eta}},
      Pooled{}, CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
