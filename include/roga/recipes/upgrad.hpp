// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/upgrad.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// UPGrad: the mean of the domain gradients, each projected so that it conflicts with none.
///
/// Quinton and Rey, 2024, arXiv 2406.16232. Passes: 1. Memory: K - 1 copies of the parameters.
struct Upgrad {
  using Options = NoOptions;
  static constexpr MethodTraits traits{
      .name = "upgrad",
      .direction = "mean of the g_k, each projected to conflict with none",
      .domains = true,
      .note = "not regularised"};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, UpGrad<>{});
  }
};
inline constexpr Upgrad upgrad;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
