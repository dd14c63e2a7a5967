// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <roga/engine/communicator.hpp>
#include <roga/engine/row_plan.hpp>
#include <roga/engine/wire_plan.hpp>
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

/// A perturbation policy that tells its number of points, `visits(domains)`. One that has points in
/// some steps only also has `frequency()`.
template <class T>
concept CountedPerturbation = PerturbationPolicy<T> && requires(const T policy, std::size_t n) {
  { policy.visits(n) } -> Count;
};
/// A capture policy that tells which share of the minibatch it evaluates at a point.
template <class T>
concept CountedCapture = CapturePolicy<T> && requires(const T policy, std::size_t n) {
  { policy.share(n) } -> std::floating_point;
};

/// What a distributed step sends, mean over the steps; the same on each rank, for any number of
/// ranks.
struct Traffic {
  double rows;         ///< gradients of all parameters that a rank sends to be summed
  double collectives;  ///< how often rows are summed, in buckets and large tensors
  double meetings;     ///< further all-reduces of a few numbers, the roll call included

  /// Bytes of the rows.
  /// @param parameter_bytes of all parameters that get gradients, as float32 or float64
  constexpr double bytes(double parameter_bytes) const { return rows * parameter_bytes; }
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
              detail::RowPlan<P, C, A>::peak_copies(domains, points, /*pooled=*/share == 1.0))};
}

/// What one step sends after `distribute()`, over `domains` domains that are present somewhere.
///
///     constexpr auto wire = roga::traffic(roga::recipes::sam(), 3);  // 2 rows
///
/// LBFGS pays this for each evaluation of its line search. `diagnose(true)` adds rows.
template <CountedPerturbation P, CapturePolicy C, AlignmentPolicy A>
constexpr Traffic traffic(const Recipe<P, C, A>& recipe, std::size_t domains,
                          Placement placement = Placement::shards, Ascent ascent = Ascent::global) {
  using Plan = detail::WirePlan<P, C, A>;
  const auto points = static_cast<std::size_t>(recipe.perturbation.visits(domains));
  double frequency = 1;
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    frequency = recipe.perturbation.frequency();
  }
  auto number = [](std::size_t count) { return static_cast<double>(count); };
  if (ascent == Ascent::local) {
    const double rows = frequency * number(Plan::rows_of_local_step(domains, points)) +
                        (1 - frequency) * number(Plan::rows_of_local_step(domains, 0));
    return {.rows = rows, .collectives = 1, .meetings = 2};
  }
  const double at_theta = P::at_theta ? 1 : 0;
  const std::size_t rows_at_theta = Plan::rows_at_theta(recipe.perturbation, domains, placement);
  const double of_points = number(Plan::meets_at_each_point ? points : points > 0 ? 1 : 0);
  const double summed = number(Plan::rows_of_points(points) > 0 ? 1 : 0);
  return {.rows = number(rows_at_theta) + frequency * number(Plan::rows_of_points(points)),
          .collectives = number(rows_at_theta > 0 ? 1 : 0) + frequency * of_points * summed,
          .meetings = 1 + at_theta + frequency * of_points};
}

}  // namespace v1
}  // namespace roga
