// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/conflict_averse.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `cagrad`.
struct CagradOptions {
  double c = 0.5;        ///< radius around the mean gradient, in [0, 1); 0 is ERM
  bool rescale = false;  ///< divide by 1 + c^2, as the authors' code does

  static constexpr void fields(auto& options, auto&& field) {
    field("c", options.c, "radius around the mean gradient", Range::half_open(0, 1));
    field("rescale", options.rescale, "divide by 1 + c^2, as the authors' code does", Range::any());
  }
};

/// Conflict-averse gradient descent: near the mean gradient, the direction that helps the worst
/// domain most.
///
/// Liu et al., NeurIPS 2021, arXiv 2110.14048. Passes: 1. Memory: K - 1 copies of the parameters.
struct Cagrad {
  using Options = CagradOptions;
  static constexpr MethodTraits traits{.name = "cagrad",
                                       .direction = "near g, best for the worst domain",
                                       .domains = true,
                                       .note = "not rescaled"};
  constexpr auto operator()(CagradOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{},
                  ConflictAverse<>{.c = options.c, .rescale = options.rescale});
  }
};
inline constexpr Cagrad cagrad;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
