// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/simplex.hpp>

namespace roga {
inline namespace v1 {

/// d = the shortest vector in the convex hull of the domains' gradients.
///
/// MGDA (Desideri, 2012; Sener and Koltun, NeurIPS 2018, arXiv 1810.04650, eq. 3). Solved on the
/// Gram matrix by an interior-point method.
template <Over over = Over::domains>
struct MinNorm {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    return detail::weighted(over, detail::shortest_in_hull(detail::gram(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
