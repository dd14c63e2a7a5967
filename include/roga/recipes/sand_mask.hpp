// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/sign_agreement.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `sand_mask`.
struct SandMaskOptions {
  double tau = 0.5;  ///< share of agreement, in [0, 1]; up to it the mask is 0
  double k = 10.0;   ///< steepness, > 0
};

/// SAND-mask: a smooth AND-mask that also asks for gradients of similar size.
///
/// Shahtalebi et al., 2021, arXiv 2106.02266. Passes: 1. Memory: K - 1 copies of the parameters.
constexpr auto sand_mask(SandMaskOptions options = {}) {
  return recipe(NoPerturbation{}, Pooled{},
                SmoothSignAgreement{.tau = options.tau, .k = options.k});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
