// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <roga/alignment/sign_dropout.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `grad_drop`.
struct GradDropOptions {
  std::uint64_t sign_seed = 0;  ///< of the draws, anew in each step

  static constexpr void fields(auto& options, auto&& field) {
    field("sign_seed", options.sign_seed, "seed of the drawn signs", Range::any());
  }
};

/// GradDrop: in each coordinate the gradients of one sign, drawn by their share.
///
/// Chen et al., NeurIPS 2020, arXiv 2010.06808. Passes: 1. Memory: K - 1 copies of the parameters.
struct GradDrop {
  using Options = GradDropOptions;
  static constexpr MethodTraits traits{.name = "grad_drop",
                                       .direction = "g_k of one sign in each coordinate, drawn",
                                       .domains = true,
                                       .note = "no leaks; the paper sums, over a layer's outputs"};
  constexpr auto operator()(GradDropOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, SignDropout{.seed = options.sign_seed});
  }
};
inline constexpr GradDrop grad_drop;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
