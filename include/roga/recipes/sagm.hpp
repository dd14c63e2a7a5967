// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `sagm`.
struct SagmOptions {
  double rho = 0.05;     ///< radius, >= 0
  double alpha = 0.001;  ///< weight of the alignment term

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("alpha", options.alpha, "weight of the alignment term", Range::any());
  }
};

/// Sharpness-aware gradient matching: d = (g + grad L(theta + rho g / |g| - alpha g)) / 2.
///
/// Wang et al., CVPR 2023, arXiv 2303.13087. Passes: 2. Memory: 2 copies of the parameters for one
/// domain, 3 for several.
struct Sagm {
  using Options = SagmOptions;
  static constexpr MethodTraits traits{.name = "sagm",
                                       .direction = "(g + q) / 2, q at theta + rho u(g) − alpha g"};
  constexpr auto operator()(SagmOptions options = {}) const {
    return recipe(NormalizedAscent{.rho = options.rho, .alpha = options.alpha}, Pooled{},
                  WeightedSum{.w_erm = 0.5, .w_gen = 0.5});
  }
};
inline constexpr Sagm sagm;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
