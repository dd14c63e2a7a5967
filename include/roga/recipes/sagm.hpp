// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `sagm`.
struct SagmOptions {
  double rho = 0.05;     ///< radius, >= 0
  double alpha = 0.001;  ///< weight of the alignment term
};

/// Sharpness-aware gradient matching: d = (g + grad L(theta + rho g / |g| - alpha g)) / 2.
///
/// Wang et al., CVPR 2023, arXiv 2303.13087. Passes: 2. Memory: 2 copies of the parameters for one
/// domain, 3 for several.
constexpr auto sagm(SagmOptions options = {}) {
  return recipe(NormalizedAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                WeightedSum{.w_erm = 0.5, .w_gen = 0.5});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
