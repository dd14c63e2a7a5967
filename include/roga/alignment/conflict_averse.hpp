// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <roga/policy/over.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/simplex.hpp>

namespace roga {
inline namespace v1 {

/// The direction near the mean gradient g that helps the worst domain most:
///
///     d = g + c |g| / |g_w| g_w,   w = argmin over the simplex of <g_w, g> + c |g| |g_w|
///
/// CAGrad (Liu et al., NeurIPS 2021, arXiv 2110.14048, eq. 3 and 4); `rescale` divides by 1 + c^2
/// as the authors' code does. Solved on the Gram matrix by an interior-point method.
template <Over over = Over::domains>
struct ConflictAverse {
  static constexpr Reads reads = detail::reads_of(over);

  double c = 0.5;        ///< in [0, 1)
  bool rescale = false;  ///< divide by 1 + c²

  void validate() const { detail::require(c >= 0 && c < 1, "c", "in [0, 1)", c); }
  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    const auto count = static_cast<double>(products.size());
    std::vector<double> along(products.size(), 0.0);  // <g_k, g>
    double norm2 = 0;
    for (std::size_t k = 0; k < along.size(); ++k) {
      for (const double product : products[k]) along[k] += product / count;
      norm2 += along[k] / count;
    }
    auto weights =
        detail::conflict_averse_pull(products, along, c * std::sqrt(std::fmax(norm2, 0.0)));
    const double scale = rescale ? 1 / (1 + c * c) : 1.0;
    for (double& weight : weights) weight = scale * (1 / count + weight);
    return detail::weighted(over, weights);
  }
};

}  // namespace v1
}  // namespace roga
