// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/impartial_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// IMTL-G: the weighted mean with the same projection onto every domain's unit gradient.
///
/// Liu et al., ICLR 2021. Passes: 1. Memory: K - 1 copies of the parameters.
struct ImtlG {
  using Options = NoOptions;
  static constexpr MethodTraits traits{
      .name = "imtl_g",
      .direction = "equal projection onto every unit g_k, weights that sum to 1",
      .domains = true};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, ImpartialGradient<>{});
  }
};
inline constexpr ImtlG imtl_g;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
