// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/min_norm.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Multiple-gradient descent: the shortest vector in the hull of the domain gradients; zero where
/// the weights are Pareto-stationary.
///
/// Desideri, 2012; Sener and Koltun, NeurIPS 2018, arXiv 1810.04650. Passes: 1. Memory: K - 1
/// copies of the parameters.
struct Mgda {
  using Options = NoOptions;
  static constexpr MethodTraits traits{
      .name = "mgda", .direction = "shortest vector in the hull of the g_k", .domains = true};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, MinNorm<>{});
  }
};
inline constexpr Mgda mgda;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
