// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/variance_suppressed_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `vasso`.
struct VassoOptions {
  double rho = 0.05;   ///< radius, >= 0
  double theta = 0.9;  ///< weight of g in the running mean, in [0, 1]; 1 is SAM

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("theta", options.theta, "weight of g in the running mean", Range::within(0, 1));
  }
};

/// VaSSO: d = grad L(theta + rho v / |v|), v a running mean of g.
///
/// Li and Giannakis, NeurIPS 2023, arXiv 2309.15639. Passes: 2. Memory: 3 copies of the parameters
/// for one domain, 4 for several.
struct Vasso {
  using Options = VassoOptions;
  static constexpr MethodTraits traits{.name = "vasso",
                                       .direction = "q at theta + rho u(v), v a running mean of g"};
  constexpr auto operator()(VassoOptions options = {}) const {
    return recipe(VarianceSuppressedAscent{.rho = options.rho, .theta = options.theta}, Pooled{},
                  CapturedGradient{});
  }
};
inline constexpr Vasso vasso;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
