// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/sign_agreement.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `sand_mask`.
struct SandMaskOptions {
  double tau = 0.5;  ///< share of agreement, in [0, 1]; up to this share the mask is 0
  double k = 10.0;   ///< steepness, > 0

  static constexpr void fields(auto& options, auto&& field) {
    field("tau", options.tau, "share of agreement in sign", Range::within(0, 1));
    field("k", options.k, "steepness of the mask", Range::positive());
  }
};

/// SAND-mask: a smooth AND-mask that also asks for gradients of similar size.
///
/// Shahtalebi et al., 2021, arXiv 2106.02266. Passes: 1. Memory: K - 1 copies of the parameters.
struct SandMask {
  using Options = SandMaskOptions;
  static constexpr MethodTraits traits{
      .name = "sand_mask",
      .direction = "a smooth AND-mask",
      .domains = true,
      .note = "tau is the project's: at the published 1 the mask is zero"};
  constexpr auto operator()(SandMaskOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{},
                  SmoothSignAgreement{.tau = options.tau, .k = options.k});
  }
};
inline constexpr SandMask sand_mask;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
