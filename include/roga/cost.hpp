// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <roga/engine/row_plan.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/concepts.hpp>

namespace roga {
inline namespace v1 {

/// What a step of a recipe costs.
struct Cost {
  double passes;  ///< forward-backward passes over the whole minibatch, mean over the steps
  double copies;  ///< copies of the parameters held at the peak of a step, beyond the weights, one
                  ///< gradient, and what the base optimizer keeps; frozen parameters have none, and
                  ///< those that do not ascend no copy of theta
};

/// A perturbation policy that tells at how many points it looks: `visits(domains)`; one that looks
/// in some steps only also has `frequency()`.
template <class T>
concept CountedPerturbation = PerturbationPolicy<T> && requires(const T policy, std::size_t n) {
  { policy.visits(n) } -> Count;
};
/// A capture policy that tells which share of the minibatch it evaluates at a point.
template <class T>
concept CountedCapture = CapturePolicy<T> && requires(const T policy, std::size_t n) {
  { policy.share(n) } -> std::floating_point;
};

/// The cost of one step over `domains` domains with one closure each; with a SharedForward the
/// passes over one domain cost more (see its documentation).
///
///     constexpr auto cost = roga::cost(roga::recipes::roga(), 4);  // 2 passes, 5 copies
///
/// Passes: 1 at theta if the recipe begins there, and visits x share at its points. LBFGS pays this
/// for each evaluation of its line search. `diagnose(true)` adds rows.
template <CountedPerturbation P, CountedCapture C, AlignmentPolicy A>
constexpr Cost cost(const Recipe<P, C, A>& recipe, std::size_t domains) {
  const auto points = static_cast<std::size_t>(recipe.perturbation.visits(domains));
  const double share = recipe.capture.share(domains);
  double frequency = 1;
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    frequency = recipe.perturbation.frequency();
  }
  const double at_theta = P::at_theta ? 1 : 0;
  return {.passes = at_theta + frequency * static_cast<double>(points) * share,
          .copies = static_cast<double>(
              detail::RowPlan<P, A>::peak_copies(domains, points, /*pooled=*/share == 1.0))};
}

}  // namespace v1
}  // namespace roga
