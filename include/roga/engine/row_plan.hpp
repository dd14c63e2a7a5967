// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <roga/policy/concepts.hpp>
#include <roga/policy/row.hpp>

namespace roga {
inline namespace v1 {
namespace detail {

template <class Policy>
constexpr std::size_t remembered_rows() {
  if constexpr (requires { Policy::remembers; }) return Policy::remembers;
  return 0;
}

/// Which rows a step holds, and when. The engine keeps and frees rows by this plan, and roga::cost
/// adds them up. It follows from what the policies declare in `reads`.
template <class P, class C, class A>
struct RowPlan {
  static constexpr Reads needs = P::reads | A::reads;
  static constexpr bool elementwise = !LinearAlignment<A>;
  /// The alignment reads each domain's gradient at theta.
  static constexpr bool aligns_domains = reads(A::reads, Reads::domains) || elementwise;
  /// Several domains' gradients at theta are kept apart, and not only their mean.
  static constexpr bool keeps_domains =
      elementwise || reads(needs, Reads::domains | Reads::own_domain);
  /// Their mean is kept beside them.
  static constexpr bool keeps_erm = reads(needs, Reads::erm);
  /// Every captured gradient is kept.
  static constexpr bool keeps_captured = reads(needs, Reads::captured);
  /// The mean of the captured gradients is kept.
  static constexpr bool keeps_captured_mean = reads(needs, Reads::captured_mean);
  /// The mean is up to date after each point, and not only after the last.
  static constexpr bool running_captured_mean = reads(P::reads, Reads::captured_mean);
  /// Only the ascent reads the gradient at theta.
  static constexpr bool theta_serves_the_ascent_alone =
      P::at_theta && LinearAlignment<A> &&
      !reads(A::reads, Reads::erm | Reads::domains | Reads::own_domain) &&
      remembered_rows<P>() + remembered_rows<C>() == 0;

  /// Whether the row captured at a point is kept as the latest one.
  static constexpr bool keeps_latest(bool last_point) {
    return reads(A::reads, Reads::latest) || (reads(P::reads, Reads::latest) && !last_point);
  }
  /// Whether the latest row is freed once the weights are at the next point.
  static constexpr bool frees_latest() { return !reads(A::reads, Reads::latest); }
  /// Whether the mean gradient at theta is freed once the weights are at a point. With one domain
  /// it is that domain's gradient, too.
  static constexpr bool frees_erm(bool last_point, std::size_t domains) {
    return last_point && !reads(A::reads, Reads::erm) && !(domains == 1 && aligns_domains);
  }
  /// The same for domain k's gradient, at point j.
  static constexpr bool frees_domain(std::size_t k, std::size_t j, bool last_point) {
    if (aligns_domains) return false;
    return reads(P::reads, Reads::domains) ? last_point : k <= j;
  }

  /// Copies of the parameters at the peak of a step, beyond the weights and the one gradient that
  /// plain training has as well.
  /// @param pooled whether each point evaluates all domains
  static constexpr std::size_t peak_copies(std::size_t domains, std::size_t points, bool pooled) {
    const bool several = domains > 1;
    const bool apart = several && keeps_domains;
    const std::size_t averaging = several ? 1 : 0;  // the mean so far, beside the next gradient
    // A walk from domain to domain begins at theta, where nothing has to be copied yet.
    constexpr bool begins_at_theta = !P::at_theta && reads(P::reads, Reads::latest);
    // New remembered rows are held beside the old: the ascent's from before the weights move to a
    // point, the capture's from when they are there.
    constexpr std::size_t of_capture = remembered_rows<C>();
    constexpr std::size_t remembered = remembered_rows<P>() + of_capture + remembered_rows<A>();
    const std::size_t all_domain_rows = apart ? domains : 0;
    std::size_t domain_rows = all_domain_rows;
    std::size_t erm_row = P::at_theta && (!apart || keeps_erm) ? 1 : 0;
    std::size_t captured_rows = 0;

    std::size_t peak = 0;
    if (P::at_theta) peak = apart ? domain_rows + erm_row - 1 : averaging;
    for (std::size_t j = 0; j < points; ++j) {
      const bool last = j + 1 == points;
      const std::size_t backup = begins_at_theta && j == 0 ? 0 : 1;
      const std::size_t held = backup + captured_rows + remembered_rows<P>();
      // Moving: no gradient is being written yet, and nothing is freed.
      const std::size_t moving = held + (j > 0 ? of_capture : 0) + erm_row + domain_rows;
      peak = std::max(peak, moving > 0 ? moving - 1 : 0);
      if (frees_erm(last, domains)) erm_row = 0;
      domain_rows = 0;
      for (std::size_t k = 0; k < all_domain_rows; ++k) {
        domain_rows += frees_domain(k, j, last) ? 0 : 1;
      }
      const std::size_t evaluating = held + of_capture + erm_row + domain_rows;
      peak = std::max(peak, evaluating + (pooled ? averaging : 0));
      captured_rows = (keeps_captured ? j + 1 : 0) + (keeps_captured_mean ? 1 : 0);
    }
    std::size_t aligning = erm_row + domain_rows + captured_rows + remembered;
    if constexpr (requires(const A a, Step& step) { a.after_base(step); }) ++aligning;
    return remembered + std::max(peak, aligning > 0 ? aligning - 1 : 0);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
