// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/order.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// Points that follow each other from domain to domain, each one step along the gradient captured
/// last: x_0 = theta, x_j = x_{j-1} + stride(q_{j-1}). The order is that of the capture policy
/// NextDomain. There is no pass at theta.

/// Uphill by a radius: stride(q) = rho q / |q|, one point more than domains.
///
/// DGSAM (Song et al., 2025, arXiv 2503.23430).
struct UphillWalk {
  static constexpr Reads reads = Reads::latest;
  static constexpr bool at_theta = false;

  double rho = 0.05;       ///< radius of each stride, >= 0
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const { detail::require_radius("rho", rho); }
  std::size_t points(const Step& step) const {
    return step.domains() == 0 ? 0 : step.domains() + 1;
  }
  Point point(const Step&, std::size_t j) const {
    if (j == 0) return {};
    return {.direction = latest, .radius = rho, .from = Point::From::previous};
  }
  static constexpr std::size_t visits(std::size_t domains) { return domains + 1; }
};

/// Downhill by gradient steps: stride(q) = -beta q, one point per domain.
///
/// The inner loop of Fish (Shi et al., ICLR 2022, arXiv 2104.09937, algorithm 1) with plain
/// gradient descent.
struct DownhillWalk {
  static constexpr Reads reads = Reads::latest;
  static constexpr bool at_theta = false;

  double beta = 0.05;  ///< inner learning rate

  void validate() const { detail::require_finite("beta", beta); }
  std::size_t points(const Step& step) const { return step.domains(); }
  Point point(const Step&, std::size_t j) const {
    if (j == 0) return {};
    return {.shift = -beta * latest, .from = Point::From::previous};
  }
  static constexpr std::size_t visits(std::size_t domains) { return domains; }
};

}  // namespace v1
}  // namespace roga
