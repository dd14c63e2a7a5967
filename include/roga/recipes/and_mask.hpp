// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/sign_agreement.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `and_mask`.
struct AndMaskOptions {
  double tau = 1.0;  ///< share of agreement, in [0, 1]; 0 is ERM
};

/// AND-mask: the mean gradient where the domains agree in sign, zero elsewhere.
///
/// Parascandolo et al., ICLR 2021, arXiv 2009.00329. Passes: 1. Memory: K - 1 copies of the
/// parameters.
constexpr auto and_mask(AndMaskOptions options = {}) {
  return recipe(NoPerturbation{}, Pooled{}, SignAgreement{.tau = options.tau});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
