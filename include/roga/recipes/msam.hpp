// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/momentum_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/momentum_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `msam`.
struct MsamOptions {
  double rho = 3.0;  ///< radius, >= 0
  double mu = 0.9;   ///< decay of the momentum, in [0, 1)

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("mu", options.mu, "decay of the momentum", Range::half_open(0, 1));
  }
};

/// Momentum SAM: d = grad L(theta - rho v / |v|), v <- mu v + d.
///
/// Becker et al., 2024, arXiv 2401.12033. Keeps a momentum of its own, so that it works over every
/// base. last_step() reports losses at the perturbed weights: there is no pass at theta. Passes: 1.
/// Memory: 2 copies of the parameters for one domain, 3 for several.
struct Msam {
  using Options = MsamOptions;
  static constexpr MethodTraits traits{
      .name = "msam", .direction = "q at theta − rho u(v), v a momentum of its own"};
  constexpr auto operator()(MsamOptions options = {}) const {
    return recipe(MomentumAscent{.rho = options.rho}, Pooled{}, MomentumGradient{.mu = options.mu});
  }
};
inline constexpr Msam msam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
