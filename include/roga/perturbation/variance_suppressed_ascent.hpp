// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point, uphill along a running mean v of the gradients, which varies less than they do:
///
///     x = theta + rho v / |v|,  v <- (1 - a) v + a g
///
/// with v = g in the first step; a is the member theta, as in the paper. VaSSO (Li and Giannakis,
/// NeurIPS 2023, arXiv 2309.15639). The published code has theta 0.9, the default here.
/// Memory: 2 copies of the parameters.
struct VarianceSuppressedAscent {
  static constexpr Reads reads = Reads::erm;
  static constexpr bool at_theta = true;

  double rho = 0.05;       ///< radius, >= 0
  double theta = 0.9;      ///< weight of g in the mean, in [0, 1]; 1 is SAM
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require(theta >= 0 && theta <= 1, "theta", "in [0, 1]", theta);
  }
  std::size_t points(const Step&) const { return 1; }
  Point point(Step& step, std::size_t) const {
    const auto mean = step.memory("suppressed/mean");
    const auto v = mean ? (1 - theta) * *mean + theta * erm : Combination(erm);
    step.remember("suppressed/mean", v);
    return {.direction = v, .radius = rho};
  }
  static constexpr std::size_t visits(std::size_t) { return 1; }
  static constexpr std::size_t remembers = 1;
};

}  // namespace v1
}  // namespace roga
