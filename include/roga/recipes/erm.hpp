// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/erm_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Empirical risk minimisation: d = g. The base optimizer, with domains and reports. Passes: 1.
struct Erm {
  using Options = NoOptions;
  static constexpr MethodTraits traits{.name = "erm", .direction = "g"};
  constexpr auto operator()(NoOptions = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, ErmGradient{});
  }
};
inline constexpr Erm erm;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
