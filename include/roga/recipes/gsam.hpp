// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/orthogonal_descent.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `gsam`.
struct GsamOptions {
  double rho = 0.05;   ///< radius, >= 0
  double alpha = 0.4;  ///< weight of the orthogonal part

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("alpha", options.alpha, "weight of the orthogonal part", Range::any());
  }
};

/// Surrogate-gap guided SAM: d = q - alpha (g - <g, q> / <q, q> q), q = SAM's gradient.
///
/// Zhuang et al., ICLR 2022, arXiv 2203.08065. Their radius falls with the learning rate: see
/// roga::schedules. Passes: 2. Memory: 2 copies of the parameters for one domain, 3 for several.
struct Gsam {
  using Options = GsamOptions;
  static constexpr MethodTraits traits{.name = "gsam",
                                       .direction = "q − alpha (g − ⟨g,q⟩/⟨q,q⟩ q)"};
  constexpr auto operator()(GsamOptions options = {}) const {
    return recipe(NormalizedAscent{.rho = options.rho}, Pooled{},
                  OrthogonalDescent{.alpha = options.alpha});
  }
};
inline constexpr Gsam gsam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
