// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <roga/policy/composition.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/row.hpp>

namespace roga {
inline namespace v1 {

/// What a step of a recipe costs.
struct Cost {
  double passes;  ///< forward-backward passes over the whole minibatch, mean over the steps
  double copies;  ///< copies of the parameters held at the peak of a step, beyond the weights, one
                  ///< gradient, and what the base optimizer keeps
};

/// A perturbation policy that tells at how many points it looks: `visits(domains)`; one that looks
/// in some steps only also has `frequency()`.
template <class T>
concept CountedPerturbation = PerturbationPolicy<T> && requires(const T policy, std::size_t n) {
  { policy.visits(n) } -> std::convertible_to<std::size_t>;
};
/// A capture policy that tells which share of the minibatch it evaluates at a point.
template <class T>
concept CountedCapture = CapturePolicy<T> && requires(const T policy, std::size_t n) {
  { policy.share(n) } -> std::convertible_to<double>;
};

namespace detail {

template <class Policy>
constexpr std::size_t remembered_rows() {
  if constexpr (requires { Policy::remembers; }) return Policy::remembers;
  return 0;
}

/// Follows the rows of one step through the engine: what is held while each pass writes the one
/// gradient that plain training has as well.
template <class P, class A>
constexpr std::size_t peak_copies(std::size_t domains, std::size_t points, bool pooled) {
  constexpr Reads needs = P::reads | A::reads;
  constexpr bool elementwise = !LinearAlignment<A>;
  constexpr bool aligns_domains = reads(A::reads, Reads::domains) || elementwise;
  const bool several = domains > 1;
  const bool rows_apart =
      several && (elementwise || reads(needs, Reads::domains | Reads::own_domain));
  const std::size_t averaging = several ? 1 : 0;  // the mean so far, beside the next gradient
  std::size_t domain_rows = rows_apart ? domains : 0;
  std::size_t erm_row = P::at_theta && (!rows_apart || reads(needs, Reads::erm)) ? 1 : 0;
  std::size_t captured_rows = 0;
  const std::size_t remembered = remembered_rows<P>() + remembered_rows<A>();

  std::size_t peak = 0;
  if (P::at_theta) peak = rows_apart ? domain_rows + erm_row - 1 : averaging;
  for (std::size_t j = 0; j < points; ++j) {
    const bool last = j + 1 == points;
    const std::size_t backup = 1;
    // Moving: no gradient is being written yet, and nothing is freed.
    peak =
        std::max(peak, backup + erm_row + domain_rows + captured_rows + remembered_rows<P>() - 1);
    const bool needed_as_domain = !several && aligns_domains;
    if (last && !reads(A::reads, Reads::erm) && !needed_as_domain) erm_row = 0;
    if (rows_apart && !aligns_domains) {
      domain_rows = reads(P::reads, Reads::domains) ? (last ? 0 : domains) : domains - 1 - j;
    }
    peak = std::max(peak, backup + erm_row + domain_rows + captured_rows + remembered_rows<P>() +
                              (pooled ? averaging : 0));
    captured_rows =
        (reads(needs, Reads::captured) ? j + 1 : 0) + (reads(needs, Reads::captured_mean) ? 1 : 0);
  }
  std::size_t aligning = erm_row + domain_rows + captured_rows + remembered;
  if constexpr (requires(const A a, Step& step) { a.after_base(step); }) ++aligning;
  return remembered + std::max(peak, aligning > 0 ? aligning - 1 : 0);
}

}  // namespace detail

/// The cost of one step over `domains` domains with one closure each; with a SharedForward the
/// passes over one domain cost more (see its documentation).
///
///     constexpr auto cost = roga::cost(roga::recipes::roga(), 4);  // 2 passes, 5 copies
///
/// Passes: 1 at theta if the recipe begins there, and visits x share at its points. LBFGS pays this
/// for each evaluation of its line search. `diagnose(true)` adds rows.
template <CountedPerturbation P, CountedCapture C, AlignmentPolicy A>
constexpr Cost cost(const Recipe<P, C, A>& recipe, std::size_t domains) {
  const std::size_t points = recipe.perturbation.visits(domains);
  const double share = recipe.capture.share(domains);
  double frequency = 1;
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    frequency = recipe.perturbation.frequency();
  }
  const double at_theta = P::at_theta ? 1 : 0;
  return {.passes = at_theta + frequency * static_cast<double>(points) * share,
          .copies = static_cast<double>(
              detail::peak_copies<P, A>(domains, points, /*pooled=*/share == 1.0))};
}

}  // namespace v1
}  // namespace roga
