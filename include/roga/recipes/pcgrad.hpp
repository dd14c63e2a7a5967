// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/pcgrad.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `pcgrad`.
struct PcgradOptions {
  Order order = {};  ///< of the projections, drawn anew in each step, or fixed
};

/// Projects conflicting domain gradients onto each other's normal planes; the mean of the results.
///
/// Yu et al., NeurIPS 2020, arXiv 2001.06782. Passes: 1. Memory: K - 1 copies of the parameters.
constexpr auto pcgrad(PcgradOptions options = {}) {
  return recipe(NoPerturbation{}, Pooled{}, PcGrad<>{.order = options.order});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
