// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <roga/policy/order.hpp>
#include <roga/policy/over.hpp>
#include <roga/tensor/check.hpp>
#include <string>
#include <vector>

namespace roga {
inline namespace v1 {

/// PCGrad with targets: pulls the cosine between domains i and j up to its running mean t_ij
/// instead of up to zero. For each j in random order, with c = cos(u_i, g_j), if c < t_ij then
///
///     u_i <- u_i + |u_i| (t_ij sqrt(1 - c^2) - c sqrt(1 - t_ij^2)) / (|g_j| sqrt(1 - t_ij^2)) g_j
///
/// and t_ij <- (1 - beta) t_ij + beta c; d = mean_i u_i. Wang et al., ICLR 2021, arXiv 2010.05874,
/// eq. 6 and 7. Targets start at 0 and belong to the domains' positions: a domain that is absent
/// keeps its targets. Targets are clamped to cosines that rounding can tell from 1 and -1, where
/// the formula has no bound. Ordered: permuting the domains changes the draw.
struct GradientVaccine {
  static constexpr Reads reads = Reads::domains;
  double beta = 0.5;  ///< rate of the targets, in [0, 1]
  Order order = {};   ///< in which a gradient meets the others

  void validate() const { detail::require(beta >= 0 && beta <= 1, "beta", "in [0, 1]", beta); }
  Combination direction(Step& step) const {
    const auto products = detail::gram(Over::domains, step);
    const std::size_t count = products.size();
    const double nearly_one = 1 - 16 * detail::rounding(step.row(domain(0)));
    std::vector<double> mean(count, 0.0);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double> u(count, 0.0);
      u[i] = 1;
      std::vector<double> products_of_u = products[i];  // <u_i, g_j> for all j; |u_i|^2 follows
      double length2 = products[i][i];
      for (const std::size_t j : order.of(step, i)) {
        if (j == i || products[j][j] <= 0) continue;
        const double along = products_of_u[j];
        if (length2 <= 0) continue;
        const double cosine =
            std::fmax(-1.0, std::fmin(1.0, along / std::sqrt(length2 * products[j][j])));
        const std::size_t id = step.domain_id(j);
        double& target = step.numbers("grad_vac/" + std::to_string(step.domain_id(i)), id + 1)[id];
        const double aim = std::fmax(-nearly_one, std::fmin(nearly_one, target));
        if (cosine < aim) {
          const double pull =
              std::sqrt(length2 / products[j][j]) *
              (aim * std::sqrt(1 - cosine * cosine) / std::sqrt(1 - aim * aim) - cosine);
          u[j] += pull;
          length2 += pull * (2 * along + pull * products[j][j]);
          for (std::size_t k = 0; k < count; ++k) products_of_u[k] += pull * products[j][k];
        }
        target = (1 - beta) * target + beta * cosine;
      }
      for (std::size_t k = 0; k < count; ++k) mean[k] += u[k] / static_cast<double>(count);
    }
    return detail::weighted(Over::domains, mean);
  }
};

}  // namespace v1
}  // namespace roga
