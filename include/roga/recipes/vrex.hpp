// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/loss_variance.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `vrex`.
struct VrexOptions {
  double lambda = 10.0;  ///< weight of the variance of the losses, >= 0; 0 is ERM

  static constexpr void fields(auto& options, auto&& field) {
    field("lambda", options.lambda, "weight of the variance of the losses", Range::not_negative());
  }
};

/// V-REx: the gradient of mean loss plus lambda times the variance of the domains' losses.
///
/// Krueger et al., ICML 2021, arXiv 2003.00688. DomainBed starts the penalty after 500 steps: see
/// warm_up. Passes: 1. Memory: K - 1 copies of the parameters.
struct Vrex {
  using Options = VrexOptions;
  static constexpr MethodTraits traits{
      .name = "vrex",
      .direction = "gradient of mean loss + lambda × variance of losses",
      .domains = true};
  constexpr auto operator()(VrexOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, LossVariance{.lambda = options.lambda});
  }
};
inline constexpr Vrex vrex;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
