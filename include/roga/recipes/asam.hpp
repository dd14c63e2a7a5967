// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `asam`.
struct AsamOptions {
  double rho = 0.5;   ///< radius in the scaled space, >= 0 (Kwon et al., section 5)
  double eta = 0.01;  ///< added to |theta|, >= 0

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent in the scaled space", Range::not_negative());
    field("eta", options.eta, "added to |theta|", Range::not_negative());
  }
};

/// Adaptive SAM: d = grad L(theta + rho T^2 g / |T g|), T = |theta| + eta.
///
/// Kwon et al., ICML 2021, arXiv 2102.11600. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
struct Asam {
  using Options = AsamOptions;
  static constexpr MethodTraits traits{
      .name = "asam", .direction = "q at theta + rho T²g / |Tg|, T = |theta| + eta"};
  constexpr auto operator()(AsamOptions options = {}) const {
    return recipe(
        NormalizedAscentIn<AbsoluteParameter>{.rho = options.rho, .metric = {.eta = options.eta}},
        Pooled{}, CapturedGradient{});
  }
};
inline constexpr Asam asam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
