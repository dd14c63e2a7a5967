// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/order.hpp>
#include <roga/policy/over.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// Projecting conflicting gradients: u_i starts as g_i; for each j in random order, if <u_i, g_j> <
/// 0 then u_i <- u_i - <u_i, g_j> / |g_j|^2 g_j; d = mean_i u_i.
///
/// Yu et al., NeurIPS 2020, arXiv 2001.06782, algorithm 1, which sums the u_i; the mean keeps the
/// meaning of the learning rate. Worked out on the Gram matrix. Ordered: permuting the domains
/// changes the draw.
template <Over over = Over::domains>
struct PcGrad {
  static constexpr Reads reads = detail::reads_of(over);
  Order order = {};  ///< in which a gradient meets the others

  Combination direction(Step& step) const {
    const auto products = detail::gram(over, step);
    const std::size_t count = products.size();
    std::vector<double> mean(count, 0.0);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> u(count, 0.0);  // u_i as coefficients over the rows
      u[i] = 1;
      for (const std::size_t j : order.of(step, i)) {
        double conflict = 0;
        for (std::size_t k = 0; k < count; ++k) conflict += u[k] * products[k][j];
        if (j != i && conflict < 0 && products[j][j] > 0) u[j] -= conflict / products[j][j];
      }
      for (std::size_t k = 0; k < count; ++k) mean[k] += u[k] / static_cast<double>(count);
    }
    return detail::weighted(over, mean);
  }
};

}  // namespace v1
}  // namespace roga
