// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/pcgrad.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `pcgrad`.
struct PcgradOptions {
  Order order = {};  ///< of the projections, drawn anew in each step, or fixed

  static constexpr void fields(auto& options, auto&& field) { Order::fields(options.order, field); }
};

/// Projects conflicting domain gradients onto each other's normal planes; the mean of the results.
///
/// Yu et al., NeurIPS 2020, arXiv 2001.06782. Passes: 1. Memory: K - 1 copies of the parameters.
struct Pcgrad {
  using Options = PcgradOptions;
  static constexpr MethodTraits traits{.name = "pcgrad",
                                       .direction = "mean of mutually projected g_k",
                                       .domains = true,
                                       .ordered = true,
                                       .note = "random order; the paper sums"};
  constexpr auto operator()(PcgradOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, PcGrad<>{.order = options.order});
  }
};
inline constexpr Pcgrad pcgrad;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
