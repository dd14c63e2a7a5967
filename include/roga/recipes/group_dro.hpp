// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/worst_group.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {

namespace recipes {

/// Hyper-parameters of `group_dro`.
struct GroupDroOptions {
  double eta = 0.01;  ///< step size of the domain weights, >= 0; 0 is ERM
};

/// Group distributionally robust optimisation: weights move to the domains of high loss.
///
/// Sagawa et al., ICLR 2020, arXiv 1911.08731. Passes: 1. Memory: K - 1 copies of the parameters.
constexpr auto group_dro(GroupDroOptions options = {}) {
  return recipe(NoPerturbation{}, Pooled{}, WorstGroup{.eta = options.eta});
}

}  // namespace recipes
}  // namespace v1
}  // namespace roga
