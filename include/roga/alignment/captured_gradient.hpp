// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// d = mean_j q_j, the mean of the captured gradients.
struct CapturedGradient {
  static constexpr Reads reads = Reads::captured_mean;
  Combination direction(const Step&) const { return captured_mean; }
};

}  // namespace v1
}  // namespace roga
