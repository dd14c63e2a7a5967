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
/// Nash-MTL (Navon et al., ICML 2022, arXiv 2202.01017), whose length does not follow
/// the gradients' without that division of the authors' code: |d|^2 = |G| / K. The code sums and
/// clips d's length to 1: see clip_norm(). Newton's method; gradients that cancel out, or nearly,
/// count as a little less dependent, and d is near 0.
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
