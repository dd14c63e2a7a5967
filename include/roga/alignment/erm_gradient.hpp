// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// d = g, the mean gradient at theta.
struct ErmGradient {
  static constexpr Reads reads = Reads::erm;
  Combination direction(const Step&) const { return erm; }
};

}  // namespace v1
}  // namespace roga
