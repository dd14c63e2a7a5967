// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/gradient_vaccine.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `grad_vac`.
struct GradVacOptions {
  double beta = 0.5;  ///< rate of the target cosines, in [0, 1]
  Order order = {};   ///< of the projections, drawn anew in each step, or fixed
};

/// Gradient vaccine: pulls domain gradients towards their usual cosines.
///
/// Wang et al., ICLR 2021, arXiv 2010.05874. Passes: 1. Memory: K - 1 copies of the parameters.
constexpr auto grad_vac(GradVacOptions options = {}) {
  return recipe(NoPerturbation{}, Pooled{},
                GradientVaccine{.beta = options.beta, .order = options.order});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
