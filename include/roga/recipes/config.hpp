// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/conflict_free.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// ConFIG: the direction with the same cosine to every domain gradient.
///
/// Liu et al., ICLR 2025, arXiv 2408.11104. Passes: 1. Memory: K - 1 copies of the parameters.
struct Config {
  using Options = NoOptions;
  static constexpr MethodTraits traits{
      .name = "config",
      .direction = "equal cosine to every g_k, long as their mean projection",
      .domains = true,
      .note = "the paper sums"};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, ConflictFree<>{});
  }
};
inline constexpr Config config;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
