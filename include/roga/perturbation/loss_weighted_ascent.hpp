// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point, uphill along the domains' gradients weighted against the variance of their losses:
///
///     x = theta + rho v / |v|,   v = sum_k (1 / K - (2 lambda / K) (L_k - mean L)) g_k
///
/// DISAM (Zhang et al., ICLR 2024, arXiv 2405.18861, eq. 7), with equal weights of the domains.
struct LossWeightedAscent {
  static constexpr Reads reads = Reads::domains;
  static constexpr bool at_theta = true;
  static constexpr bool from_losses =
      true;  ///< the coefficients of its one point follow from the losses

  double rho = 0.05;       ///< radius, >= 0
  double lambda = 0.1;     ///< weight of the variance, >= 0
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require_radius("lambda", lambda);
  }
  std::size_t points(const Step&) const { return 1; }
  Point point(Step& step, std::size_t) const {
    const auto count = static_cast<double>(step.domains());
    Combination direction;
    for (std::size_t k = 0; k < step.domains(); ++k) {
      const auto excess = step.loss(k) - step.mean_loss();
      direction = direction + (1 / count - 2 * lambda / count * excess) * domain(k);
    }
    return {.direction = direction, .radius = rho};
  }
  static constexpr std::size_t visits(std::size_t) { return 1; }
};

}  // namespace v1
}  // namespace roga
