// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/momentum_gradient.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point against the remembered momentum v, without a pass at theta:
///
///     x = theta - rho v / |v|;   x = theta in the first step
///
/// MSAM (Becker et al., 2024, arXiv 2401.12033, eq. 5). MomentumGradient keeps the momentum.
struct MomentumAscent {
  static constexpr Reads reads = Reads::nothing;
  static constexpr bool at_theta = false;

  double rho = 3.0;        ///< radius, >= 0
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const { detail::require_radius("rho", rho); }
  std::size_t points(const Step&) const { return 1; }
  Point point(const Step& step, std::size_t) const {
    const auto momentum = step.memory(Role::alignment, MomentumGradient::momentum);
    return {.direction = momentum ? -1.0 * *momentum : Combination(), .radius = rho};
  }
  static constexpr std::size_t visits(std::size_t) { return 1; }
};

}  // namespace v1
}  // namespace roga
