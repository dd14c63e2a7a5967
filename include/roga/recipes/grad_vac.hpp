// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/gradient_vaccine.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `grad_vac`.
struct GradVacOptions {
  double beta = 0.5;  ///< rate of the target cosines, in [0, 1]
  Order order = {};   ///< of the projections, drawn anew in each step, or fixed

  static constexpr void fields(auto& options, auto&& field) {
    field("beta", options.beta, "rate of the target cosines", Range::within(0, 1));
    Order::fields(options.order, field);
  }
};

/// Gradient vaccine: pulls domain gradients towards their usual cosines.
///
/// Wang et al., ICLR 2021, arXiv 2010.05874. Passes: 1. Memory: K - 1 copies of the parameters.
struct GradVac {
  using Options = GradVacOptions;
  static constexpr MethodTraits traits{.name = "grad_vac",
                                       .direction = "PCGrad towards running target cosines",
                                       .domains = true,
                                       .ordered = true};
  constexpr auto operator()(GradVacOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{},
                  GradientVaccine{.beta = options.beta, .order = options.order});
  }
};
inline constexpr GradVac grad_vac;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
