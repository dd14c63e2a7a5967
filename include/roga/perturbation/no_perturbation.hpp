// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// Has no points: the step ends with the gradients at theta.
struct NoPerturbation {
  static constexpr Reads reads = Reads::nothing;
  static constexpr bool at_theta = true;
  std::size_t points(const Step&) const { return 0; }
  Point point(const Step&, std::size_t) const { return {}; }
  static constexpr std::size_t visits(std::size_t) { return 0; }
};

}  // namespace v1
}  // namespace roga
