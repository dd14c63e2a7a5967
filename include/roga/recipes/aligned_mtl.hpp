// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/aligned_components.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Aligned-MTL: the mean gradient, with its principal components over the domains scaled to the
/// size of the smallest.
///
/// Senushkin et al., CVPR 2023, arXiv 2305.19000. Passes: 1. Memory: K - 1 copies of the
/// parameters.
struct AlignedMtl {
  using Options = NoOptions;
  static constexpr MethodTraits traits{.name = "aligned_mtl",
                                       .direction = "g with principal components of equal size",
                                       .domains = true,
                                       .note = "the authors sum"};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, AlignedComponents<>{});
  }
};
inline constexpr AlignedMtl aligned_mtl;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
