// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `wsam` and `wsam_decoupled`.
struct WsamOptions {
  double rho = 0.05;   ///< radius, >= 0
  double gamma = 0.9;  ///< weight of the sharpness, in [0, 1); 1/2 is SAM, 0 is ERM

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("gamma", options.gamma, "weight of the sharpness", Range::half_open(0, 1));
  }
};

/// Weighted SAM, coupled: d = (1 - A) g + A q, A = gamma / (1 - gamma), q = SAM's gradient.
///
/// Yue et al., KDD 2023, arXiv 2305.15817. Passes: 2. Memory: 2 copies of the parameters for one
/// domain, 3 for several.
struct Wsam {
  using Options = WsamOptions;
  static constexpr MethodTraits traits{.name = "wsam",
                                       .direction = "(1 − A) g + A q, A = gamma / (1 − gamma)"};
  constexpr auto operator()(WsamOptions options = {}) const {
    detail::require(options.gamma >= 0 && options.gamma < 1, "gamma", "in [0, 1)", options.gamma);
    const double a = options.gamma / (1 - options.gamma);
    return recipe(NormalizedAscent{.rho = options.rho}, Pooled{},
                  WeightedSum{.w_erm = 1 - a, .w_gen = a});
  }
};
inline constexpr Wsam wsam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
