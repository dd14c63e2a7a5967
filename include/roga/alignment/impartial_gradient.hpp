// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/spectrum.hpp>

namespace roga {
inline namespace v1 {

/// The weighted mean with the same projection onto every unit gradient u_k = g_k / |g_k|:
///
///     d = sum_k alpha_k g_k,   <d, u_k> equal for all k,   sum_k alpha_k = 1
///
/// IMTL-G (Liu et al., ICLR 2021, "Towards Impartial Multi-task Learning"). As in the paper,
/// weights may be negative. Dependent gradients are solved by the pseudo-inverse of their cosines.
/// A zero gradient has the weight 0; where the gradients cancel out, d = 0.
template <Over over = Over::domains>
struct ImpartialGradient {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    return detail::weighted(over, detail::impartial(products, detail::rounding(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
