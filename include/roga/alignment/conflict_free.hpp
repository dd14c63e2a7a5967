// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/spectrum.hpp>

namespace roga {
inline namespace v1 {

/// The direction with the same cosine to every gradient. Its length is the mean projection of the
/// gradients on it:
///
///     d = mean_i <g_i, u> u,   u = x / |x|,   x = U^+ 1 with the unit gradients as rows of U
///
/// ConFIG (Liu et al., ICLR 2025, arXiv 2408.11104, eq. 2), which sums the projections; the mean
/// keeps the meaning of the learning rate. A zero gradient does not enter u. Where no such
/// direction exists, u is the nearest to it; where the gradients cancel out, d = 0.
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
