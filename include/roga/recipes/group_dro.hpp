// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/worst_group.hpp>
#include <roga/capture/pooled.hpp>
#include <roga/perturbation/no_perturbation.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `group_dro`.
struct GroupDroOptions {
  double eta = 0.01;  ///< step size of the domain weights, >= 0; 0 is ERM

  static constexpr void fields(auto& options, auto&& field) {
    field("eta", options.eta, "step size of the domain weights", Range::not_negative());
  }
};

/// Group distributionally robust optimisation: weights move to the domains of high loss.
///
/// Sagawa et al., ICLR 2020, arXiv 1911.08731. Passes: 1. Memory: K - 1 copies of the parameters.
struct GroupDro {
  using Options = GroupDroOptions;
  static constexpr MethodTraits traits{.name = "group_dro",
                                       .direction = "sum of q_k g_k, weights grow with the losses",
                                       .domains = true};
  constexpr auto operator()(GroupDroOptions options = {}) const {
    return recipe(NoPerturbation{}, Pooled{}, WorstGroup{.eta = options.eta});
  }
};
inline constexpr GroupDro group_dro;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
