// SPDX-License-Identifier: MIT
#pragma once

#include <roga/perturbation/metric.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point, uphill along the mean gradient g:
///
///     x = theta + rho M g / |M^(1/2) g| - alpha g
///
/// SAM (Foret et al., ICLR 2021, arXiv 2010.01412, eq. 2) with M = I and alpha = 0; alpha > 0 adds
/// SAGM's term, which rewards agreement between the gradient there and g (Wang et al., CVPR 2023,
/// arXiv 2303.13087, eq. 8). Cost: one copy of the parameters.
template <class MetricType>
struct NormalizedAscentIn {
  static constexpr Reads reads = Reads::erm;
  static constexpr bool at_theta = true;

  double rho = 0.05;   ///< radius, >= 0
  double alpha = 0.0;  ///< weight of -g
  MetricType metric = {};
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require_finite("alpha", alpha);
  }
  std::size_t points(const Step&) const { return 1; }
  Point point(const Step&, std::size_t) const {
    return {.direction = erm, .radius = rho, .shift = alpha == 0 ? Combination() : -alpha * erm};
  }
  static constexpr std::size_t visits(std::size_t) { return 1; }
};
/// In the ball of radius rho.
using NormalizedAscent = NormalizedAscentIn<Euclidean>;

}  // namespace v1
}  // namespace roga
