// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/loss_weighted_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `disam`.
struct DisamOptions {
  double rho = 0.05;    ///< radius, >= 0
  double lambda = 0.1;  ///< weight of the variance of the losses, >= 0; 0 is SAM
};

/// Domain-inspired SAM: ascends along domain gradients weighted towards equal losses.
///
/// Zhang et al., ICLR 2024, arXiv 2405.18861. Passes: 2. Memory: K copies of the parameters.
constexpr auto disam(DisamOptions options = {}) {
  return recipe(LossWeightedAscent{.rho = options.rho, .lambda = options.lambda}, Pooled{},
                CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
