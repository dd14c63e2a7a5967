// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/bargain.hpp>

namespace roga {
inline namespace v1 {

/// Nash's bargaining solution, in which no domain gains relatively more than the others lose:
///
///     d = mean_k a_k g_k,   G a = 1 / a,   a > 0,   G divided by its Frobenius norm
///
/// Nash-MTL (Navon et al., ICML 2022, arXiv 2202.01017), with the division of the authors' code;
/// without it d does not grow with the gradients. Here |d|^2 = |G| / K. The code sums, and clips
/// the length of d to 1: see clip_norm(). Solved by Newton's method. Gradients that cancel out, or
/// nearly, are treated as a little less dependent, and d is near 0.
template <Over over = Over::domains>
struct NashBargain {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    return detail::weighted(over, detail::bargained(products, detail::rounding(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
