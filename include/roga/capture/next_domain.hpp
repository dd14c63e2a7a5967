// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/order.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>

namespace roga {
inline namespace v1 {

/// Evaluates one domain at each point, in order, and starts over after the last.
struct NextDomain {
  Order order = {};  ///< in which the domains come
  Slice slice(const Step& step, std::size_t j) const {
    TORCH_CHECK(step.domains() > 0,
                "roga: NextDomain needs the number of domains before the first pass; give step() a "
                "list of closures, or a SharedForward with its `domains`");
    return Slice::own(order.of(step)[j % step.domains()]);
  }
  static constexpr double share(std::size_t domains) { return 1.0 / static_cast<double>(domains); }
};

}  // namespace v1
}  // namespace roga
