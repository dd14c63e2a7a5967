// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// d = q, and the momentum v <- mu v + d is remembered for MomentumAscent; v = d in the first step.
struct MomentumGradient {
  static constexpr Reads reads = Reads::captured_mean;

  static constexpr const char* momentum = "momentum";  ///< the name of v

  double mu = 0.9;  ///< in [0, 1)

  void validate() const { detail::require(mu >= 0 && mu < 1, "mu", "in [0, 1)", mu); }
  Combination direction(Step& step) const {
    const auto v = step.memory(momentum);
    step.remember(momentum, v ? mu * *v + captured_mean : Combination(captured_mean));
    return captured_mean;
  }
  static constexpr std::size_t remembers = 1;
};

}  // namespace v1
}  // namespace roga
