// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/spectrum.hpp>

namespace roga {
inline namespace v1 {

/// The direction with the same cosine to every gradient, as long as the gradients' mean projection:
///
///     d = mean_i <g_i, u> u,   u = x / |x|,   x = U^+ 1 with the unit gradients as rows of U
///
/// ConFIG (Liu et al., ICLR 2025, arXiv 2408.11104, eq. 2), which sums the projections; the mean
/// keeps the meaning of the learning rate. A gradient of zero has no say in u. Gradients without
/// such a direction have the one nearest to it; where they cancel out, d = 0.
template <Over over = Over::domains>
struct ConflictFree {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    return detail::weighted(over, detail::conflict_free(products, detail::rounding(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
