// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/erm_gradient.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Empirical risk minimisation: d = g. The base optimizer, with domains and reports. Passes: 1.
constexpr auto erm() { return recipe(NoPerturbation{}, Pooled{}, ErmGradient{}); }

}  // namespace recipes
}  // namespace v1
}  // namespace roga
