// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// One point, uphill along what this minibatch adds to the running mean m of the gradients:
///
///     x = theta + rho v / |v|,  v = g - sigma m;   m <- lambda m + (1 - lambda) g
///
/// with m from before this step, and v = m = g in the first one. F-SAM (Li et al., CVPR 2024,
/// arXiv 2403.12350, eq. 9 and 10). The mean is of the raw gradients. Memory: 2 copies of the
/// parameters.
struct FriendlyAscent {
  static constexpr Reads reads = Reads::erm;
  static constexpr bool at_theta = true;

  double rho = 0.1;        ///< radius, >= 0
  double sigma = 1.0;      ///< share of m taken away
  double lambda = 0.95;    ///< decay of m, in [0, 1]
  RadiusRule radius = {};  ///< how rho becomes the radius

  void validate() const {
    detail::require_radius("rho", rho);
    detail::require_finite("sigma", sigma);
    detail::require(lambda >= 0 && lambda <= 1, "lambda", "in [0, 1]", lambda);
  }
  std::size_t points(const Step&) const { return 1; }
  Point point(Step& step, std::size_t) const {
    const auto mean = step.memory("friendly/mean");
    step.remember("friendly/mean", mean ? lambda * *mean + (1 - lambda) * erm : Combination(erm));
    return {.direction = mean ? erm - sigma * *mean : Combination(erm), .radius = rho};
  }
  static constexpr std::size_t visits(std::size_t) { return 1; }
  static constexpr std::size_t remembers = 1;
};

}  // namespace v1
}  // namespace roga
