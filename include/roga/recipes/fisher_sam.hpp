// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/normalized_ascent.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `fisher_sam`.
struct FisherSamOptions {
  double rho = 0.05;  ///< radius, >= 0
  double eta = 0.2;   ///< weight of the squared gradient, >= 0; 0 is SAM
};

/// Fisher SAM: d = grad L(theta + rho F g / sqrt(<g, F g>)), F = 1 / (1 + eta g^2) elementwise.
///
/// Kim et al., ICML 2022, arXiv 2206.04920. Passes: 2. Memory: 1 copy of the parameters for one
/// domain, 2 for several.
constexpr auto fisher_sam(FisherSamOptions options = {}) {
  return recipe(
      NormalizedAscentIn<InverseFisher>{.rho = options.rho, .metric = {.eta = options.eta}},
      Pooled{}, CapturedGradient{});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
