// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `sam`.
struct SamOptions {
  double rho = 0.05;  ///< radius, >= 0 (Foret et al., section 3)
};

/// Sharpness-aware minimisation: d = grad L(theta + rho g / |g|).
///
/// Foret et al., ICLR 2021, arXiv 2010.01412. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
constexpr auto sam(SamOptions options = {}) {
  return recipe(NormalizedAscent{.rho = options.rho}, Pooled{}, CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
