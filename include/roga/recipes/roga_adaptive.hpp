// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/weighted_sum.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/perturbation/metric.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `roga_adaptive`.
struct RogaAdaptiveOptions {
  double rho = 0.5;     ///< radius in the scaled space, >= 0
  double eta = 0.01;    ///< added to |theta|, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term
  double w_erm = 0.5;   ///< weight of the ERM gradient
  double w_gen = 0.5;   ///< weight of the captured gradients

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent in the scaled space", Range::not_negative());
    field("eta", options.eta, "added to |theta|", Range::not_negative());
    field("alpha", options.alpha, "weight of the alignment term", Range::any());
    field("w_erm", options.w_erm, "weight of the ERM gradient", Range::any());
    field("w_gen", options.w_gen, "weight of the captured gradients", Range::any());
  }
};

/// Robust gradient alignment in ASAM's metric:
/// d = w_erm g + w_gen mean_k grad L_k(theta + rho T^2 g_k / |T g_k| - alpha g), T = |theta| + eta.
///
/// The metric of Kwon et al. (ICML 2021, arXiv 2102.11600) over the ascent points of `roga`; the
/// composition is the project's. Its radii are about ten times as large. Passes: 2. Memory: K + 1
/// copies of the parameters.
struct RogaAdaptive {
  using Options = RogaAdaptiveOptions;
  static constexpr MethodTraits traits{
      .name = "roga_adaptive",
      .direction = "the same as `roga` in ASAM's metric, T = |theta| + eta",
      .domains = true,
      .note = "the project's"};
  constexpr auto operator()(RogaAdaptiveOptions options = {}) const {
    return recipe(
        DomainAscentIn<AbsoluteParameter>{
            .rho = options.rho, .alpha = options.alpha, .metric = {.eta = options.eta}},
        OwnDomain{}, WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
  }
};
inline constexpr RogaAdaptive roga_adaptive;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
