// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <roga/engine/communicator.hpp>
#include <roga/engine/row_plan.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <type_traits>

namespace roga {
inline namespace v1 {
namespace detail {

/// Which rows of a step the ranks add up, and when. The engine sends rows by this plan, and
/// roga::traffic counts them. It follows from what the policies declare in `reads`.
template <class P, class C, class A>
struct WirePlan {
  using Plan = RowPlan<P, C, A>;
  static constexpr Reads at_theta = Reads::erm | Reads::domains | Reads::own_domain;
  static constexpr Reads of_points = Reads::captured | Reads::captured_mean | Reads::latest;

  /// A row of a point is read before the last point, or by itself; otherwise each rank sums up its
  /// own rows, and one row is added up at the end.
  static constexpr bool meets_at_each_point =
      reads(P::reads, of_points) || reads(A::reads, Reads::captured | Reads::latest);
  /// A domain's row is read only at that domain's point, which evaluates only its data: the row can
  /// stay on the rank that has the domain.
  static constexpr bool rows_may_stay = [] {
    if constexpr (requires { std::bool_constant<C::own_domain>(); }) {
      return C::own_domain && P::at_theta && !Plan::aligns_domains &&
             reads(P::reads, Reads::own_domain) && !reads(P::reads, Reads::domains);
    }
    return false;
  }();
  template <class Policy>
  static constexpr bool from_losses = [] {
    if constexpr (requires { std::bool_constant<Policy::from_losses>(); }) {
      return Policy::from_losses;
    }
    return false;
  }();
  /// The direction combines the rows that it reads with coefficients that follow from the losses,
  /// and nothing else reads them: where each rank has its share of every row, it combines its
  /// shares, and one row is added up.
  static constexpr bool combines_rows = [] {
    if constexpr (requires(const A a, Step& step) { a.after_base(step); }) return false;
    return LinearAlignment<A> && from_losses<A>;
  }();
  /// The rows that the perturbation reads at its settings.
  static constexpr Reads read_by(const P& perturbation) {
    if constexpr (requires { perturbation.reads_in_effect(); }) {
      return perturbation.reads_in_effect();
    }
    return P::reads;
  }
  /// The ranks need nothing of each other's rows before the direction.
  static constexpr bool sends_once(const P& perturbation, Placement placement) {
    return combines_rows && rows_may_stay && placement == Placement::domains &&
           !reads(read_by(perturbation), Reads::erm | of_points);
  }
  /// The direction, or that of the only point, combines the domains' rows with coefficients that
  /// follow from the losses, and nothing else reads the rows: each rank combines its own, and one
  /// row is added up.
  static constexpr bool direction_from_losses = combines_rows && P::at_theta &&
                                                !reads(P::reads, at_theta) &&
                                                !reads(A::reads, Reads::erm | of_points);
  static constexpr bool ascent_from_losses = from_losses<P> && P::at_theta &&
                                             !Plan::aligns_domains && !reads(A::reads, at_theta) &&
                                             !reads(P::reads, Reads::erm);
  static constexpr bool combines_at_theta = direction_from_losses || ascent_from_losses;
  /// False where a policy remembers rows of the ascent, which would differ from rank to rank.
  static constexpr bool allows_local_ascent =
      remembered_rows<P>() + remembered_rows<C>() + remembered_rows<A>() == 0 &&
      !reads(P::reads, Reads::captured_mean);

  /// Rows of a step with local ascents: those that the alignment reads.
  static constexpr std::size_t rows_of_local_step(std::size_t domains, std::size_t points) {
    const bool erm_serves = reads(A::reads, Reads::erm) || (Plan::aligns_domains && domains == 1);
    std::size_t rows = erm_serves ? 1 : 0;
    if (Plan::aligns_domains && domains > 1) rows += domains;
    if (reads(A::reads, Reads::captured)) rows += points;
    if (points > 0 && reads(A::reads, Reads::captured_mean)) ++rows;
    if (points > 0 && reads(A::reads, Reads::latest)) ++rows;
    return combines_rows ? std::min<std::size_t>(rows, 1) : rows;
  }
  /// Rows at theta with global ascents.
  static constexpr std::size_t rows_at_theta(const P& perturbation, std::size_t domains,
                                             Placement placement) {
    if (!P::at_theta || (domains > 1 && sends_once(perturbation, placement))) return 0;
    const bool stay = rows_may_stay && placement == Placement::domains;
    const bool apart = Plan::keeps_domains && domains > 1;
    return apart && !stay && !combines_at_theta ? domains : 1;
  }
  /// Rows of the points with global ascents.
  static constexpr std::size_t rows_of_points(std::size_t points) {
    if (meets_at_each_point) return points;
    return points > 0 && Plan::keeps_captured_mean ? 1 : 0;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
