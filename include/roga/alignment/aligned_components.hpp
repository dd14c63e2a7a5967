// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/spectrum.hpp>

namespace roga {
inline namespace v1 {

/// The mean gradient, with its principal components scaled to the size of the smallest:
///
///     d = sum_k (B w)_k g_k,   B = sqrt(lambda_r) sum_{i <= r} v_i v_i' / sqrt(lambda_i),   w = 1
///     / K
///
/// with G's eigenvalues lambda_1 >= ... >= lambda_r above rounding, and eigenvectors v_i.
/// Aligned-MTL (Senushkin et al., CVPR 2023, arXiv 2305.19000), with the scale `min`
/// of the authors' code. That code sums over the domains; this takes the mean.
template <Over over = Over::domains>
struct AlignedComponents {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    return detail::weighted(over,
                            detail::aligned_components(products, detail::rounding(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
