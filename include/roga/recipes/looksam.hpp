// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <roga/alignment/reused_direction.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/every.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `looksam`.
struct LooksamOptions {
  double rho = 0.1;     ///< radius, >= 0
  std::int64_t k = 10;  ///< an ascent on steps 0, k, 2k, ...; >= 1
  double alpha = 0.7;   ///< weight of the reused direction

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("k", options.k, "steps from one ascent to the next", Range::at_least(1));
    field("alpha", options.alpha, "weight of the reused direction", Range::any());
  }
};

/// LookSAM: SAM on every k-th step, in between d = g + alpha |g| / |v| v with the part v of SAM's
/// gradient orthogonal to g.
///
/// Liu et al., CVPR 2022, arXiv 2203.02714. With a base that evaluates its closure several times
/// per step (LBFGS), each evaluation counts. Passes: 1 + 1/k. Memory: 3 copies of the parameters
/// for one domain, 4 for several.
struct Looksam {
  using Options = LooksamOptions;
  static constexpr MethodTraits traits{.name = "looksam",
                                       .direction = "SAM every k-th step, else g + alpha |g| u(v)"};
  constexpr auto operator()(LooksamOptions options = {}) const {
    return recipe(Every<NormalizedAscent>{{.rho = options.rho}, options.k}, Pooled{},
                  ReusedDirection{.alpha = options.alpha});
  }
};
inline constexpr Looksam looksam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
