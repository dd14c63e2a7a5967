// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `fisher_sam`.
struct FisherSamOptions {
  double rho = 0.05;  ///< radius, >= 0
  double eta = 0.2;   ///< weight of the squared gradient, >= 0; 0 is SAM

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("eta", options.eta, "weight of the squared gradient", Range::not_negative());
  }
};

/// Fisher SAM: d = grad L(theta + rho F g / sqrt(<g, F g>)), F = 1 / (1 + eta g^2) elementwise.
///
/// Kim et al., ICML 2022, arXiv 2206.04920. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
struct FisherSam {
  using Options = FisherSamOptions;
  static constexpr MethodTraits traits{
      .name = "fisher_sam", .direction = "q at theta + rho Fg / √⟨g,Fg⟩, F = 1 / (1 + eta g²)"};
  constexpr auto operator()(FisherSamOptions options = {}) const {
    return recipe(
        NormalizedAscentIn<InverseFisher>{.rho = options.rho, .metric = {.eta = options.eta}},
        Pooled{}, CapturedGradient{});
  }
};
inline constexpr FisherSam fisher_sam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
