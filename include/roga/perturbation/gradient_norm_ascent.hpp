// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// GAM's three points, whose gradients approximate the gradient of the gradient norm at theta and
/// at its own ascent point:
///
///     x_0 = theta + rho_grad u(g),  x_1 = theta + rho u(q_0 - g),  x_2 = x_1 + rho_grad u(q_1)
///
/// Zhang et al., CVPR 2023, arXiv 2303.03108, the accelerated form of its algorithm 1.
struct GradientNormAscent {
  static constexpr Reads reads = Reads::erm | Reads::captured;
  static constexpr bool at_theta = true;

  double rho = 0.2;        ///< radius of the outer ascent, >= 0
  double rho_grad = 0.02;  ///< radius of the finite differences, >= 0

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require_radius("rho_grad", rho_grad);
  }
  std::size_t points(const Step&) const { return 3; }
  Point point(const Step&, std::size_t j) const {
    if (j == 0) return {.direction = erm, .radius = rho_grad};
    if (j == 1) return {.direction = captured(0) - erm, .radius = rho};
    return {.direction = captured(1), .radius = rho_grad, .from = Point::From::previous};
  }
  static constexpr std::size_t visits(std::size_t) { return 3; }
};

}  // namespace v1
}  // namespace roga
