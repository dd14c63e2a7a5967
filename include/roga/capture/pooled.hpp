// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// Evaluates all domains at every point: one pass over the whole minibatch each.
struct Pooled {
  Slice slice(const Step&, std::size_t) const { return Slice::pooled(); }
  /// Share of the whole minibatch evaluated at one of K points.
  static constexpr double share(std::size_t) { return 1.0; }
};

}  // namespace v1
}  // namespace roga
