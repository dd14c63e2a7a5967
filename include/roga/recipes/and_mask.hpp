// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/sign_agreement.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `and_mask`.
struct AndMaskOptions {
  double tau = 1.0;  ///< share of agreement, in [0, 1]; 0 is ERM

  static constexpr void fields(auto& options, auto&& field) {
    field("tau", options.tau, "share of agreement in sign", Range::within(0, 1));
  }
};

/// AND-mask: the mean gradient where the domains agree in sign, zero elsewhere.
///
/// Parascandolo et al., ICLR 2021, arXiv 2009.00329. Passes: 1. Memory: K - 1 copies of the
/// parameters.
struct AndMask {
  using Options = AndMaskOptions;
  static constexpr MethodTraits traits{.name = "and_mask",
                                       .direction = "g where all signs agree",
                                       .domains = true,
                                       .note = "not rescaled"};
  constexpr auto operator()(AndMaskOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, SignAgreement{.tau = options.tau});
  }
};
inline constexpr AndMask and_mask;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
