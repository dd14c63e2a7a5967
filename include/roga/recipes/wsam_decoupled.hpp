// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/decoupled_sharpness.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/method.hpp>
#include <roga/recipes/wsam.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Weighted SAM, decoupled, the authors' default: the base optimizer steps along g, then
/// theta <- theta - lr A (q - g).
///
/// Yue et al., KDD 2023, arXiv 2305.15817. Passes: 2. Memory: 2 copies of the parameters for one
/// domain, 3 for several.
struct WsamDecoupled {
  using Options = WsamOptions;
  static constexpr MethodTraits traits{
      .name = "wsam_decoupled",
      .direction = "g, and theta ← theta − lr A (q − g) past the base step (the authors' default)"};
  constexpr auto operator()(WsamOptions options = {}) const {
    return recipe(NormalizedAscent{.rho = options.rho}, Pooled{},
                  DecoupledSharpness{.gamma = options.gamma});
  }
};
inline constexpr WsamDecoupled wsam_decoupled;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
