// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `sam`.
struct SamOptions {
  double rho = 0.05;  ///< radius, >= 0 (Foret et al., section 3)

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
  }
};

/// Sharpness-aware minimisation: d = grad L(theta + rho g / |g|).
///
/// Foret et al., ICLR 2021, arXiv 2010.01412. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
struct Sam {
  using Options = SamOptions;
  static constexpr MethodTraits traits{.name = "sam", .direction = "q at theta + rho u(g)"};
  constexpr auto operator()(SamOptions options = {}) const {
    return recipe(NormalizedAscent{.rho = options.rho}, Pooled{}, CapturedGradient{});
  }
};
inline constexpr Sam sam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
