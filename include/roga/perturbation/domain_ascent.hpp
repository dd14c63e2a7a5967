// SPDX-License-Identifier: MIT
#pragma once

#include <roga/perturbation/metric.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point per domain, uphill along that domain's own gradient g_k, shifted against the mean g:
///
///     x_k = theta + rho M g_k / |M^(1/2) g_k| - alpha g
///
/// The ascent points of RoGA (Qiu et al., ICME 2025, arXiv 2505.20653) and GAC-FAS (Le and Woo,
/// CVPR 2024, arXiv 2402.18817). With alpha > 0 the gradient there is pulled towards agreement with
/// g. Cost: K + 1 copies of the parameters.
template <class MetricType>
struct DomainAscentIn {
  static constexpr Reads reads = Reads::own_domain | Reads::erm;
  static constexpr bool at_theta = true;

  double rho = 0.05;   ///< radius, >= 0
  double alpha = 0.0;  ///< weight of -g
  MetricType metric = {};
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require_finite("alpha", alpha);
  }
  std::size_t points(const Step& step) const { return step.domains(); }
  Point point(const Step&, std::size_t k) const {
    return {
        .direction = domain(k), .radius = rho, .shift = alpha == 0 ? Combination() : -alpha * erm};
  }
  static constexpr std::size_t visits(std::size_t domains) { return domains; }
  /// Without the shift, each point looks at its own domain alone.
  constexpr Reads reads_in_effect() const { return alpha == 0 ? Reads::own_domain : reads; }
};
/// In the ball of radius rho.
using DomainAscent = DomainAscentIn<Euclidean>;

}  // namespace v1
}  // namespace roga
