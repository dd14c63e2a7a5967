// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// Evaluates domain k at point k: one pass over the whole minibatch for all K points together.
struct OwnDomain {
  static constexpr bool own_domain = true;  ///< point k looks at domain k alone

  Slice slice(const Step&, std::size_t j) const { return Slice::own(j); }
  /// Share of the whole minibatch evaluated at one of K points.
  static constexpr double share(std::size_t domains) { return 1.0 / static_cast<double>(domains); }
};

}  // namespace v1
}  // namespace roga
