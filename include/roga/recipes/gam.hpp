// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/gradient_norm_descent.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/gradient_norm_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `gam`.
struct GamOptions {
  double rho = 0.2;        ///< radius of the outer ascent, >= 0
  double rho_grad = 0.02;  ///< radius of the finite differences, >= 0
  double a = 0.5;          ///< weight of the first of the two rising gradients
  double b = 0.5;          ///< weight of g among the two falling ones
  double gamma = 0.03;     ///< weight of the orthogonal part

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the outer ascent", Range::not_negative());
    field("rho_grad", options.rho_grad, "radius of the finite differences", Range::not_negative());
    field("a", options.a, "weight of the first of the two rising gradients", Range::any());
    field("b", options.b, "weight of g among the two falling ones", Range::any());
    field("gamma", options.gamma, "weight of the orthogonal part", Range::any());
  }
};

/// Gradient-norm aware minimisation, accelerated: first-order flatness from three extra gradients.
///
/// Zhang et al., CVPR 2023, arXiv 2303.03108. Passes: 4. Memory: 4 copies of the parameters for one
/// domain, 5 for several.
struct Gam {
  using Options = GamOptions;
  static constexpr MethodTraits traits{.name = "gam",
                                       .direction = "gradient-norm aware, three ascent points"};
  constexpr auto operator()(GamOptions options = {}) const {
    return recipe(GradientNormAscent{.rho = options.rho, .rho_grad = options.rho_grad}, Pooled{},
                  GradientNormDescent{.a = options.a, .b = options.b, .gamma = options.gamma});
  }
};
inline constexpr Gam gam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
