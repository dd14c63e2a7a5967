// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/nash_bargain.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Nash-MTL: the bargaining solution between the domains; its direction does not depend on the
/// lengths of their gradients.
///
/// Navon et al., ICML 2022, arXiv 2202.01017. Passes: 1. Memory: K - 1 copies of the parameters.
struct NashMtl {
  using Options = NoOptions;
  static constexpr MethodTraits traits{.name = "nash_mtl",
                                       .direction = "Nash bargaining solution of the g_k",
                                       .domains = true,
                                       .note = "the authors sum, and clip to length 1"};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, NashBargain<>{});
  }
};
inline constexpr NashMtl nash_mtl;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
