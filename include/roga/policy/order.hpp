// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <roga/policy/range.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/shuffle.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// The order in which an ordered rule goes through the domains: drawn anew for each step from a
/// seed and the step's index, so that a resumed run draws the same; or 0, 1, 2, ...
struct Order {
  std::uint64_t seed = 0;  ///< of the permutations
  bool fixed = false;      ///< the domains as they are given, in every step

  /// As options of a method; see Method.
  static constexpr void fields(auto& order, auto&& field) {
    field("order_seed", order.seed, "seed of the random order of the domains", Range::any());
    field("order_fixed", order.fixed, "the domains in the order given instead", Range::any());
  }

  /// @param salt tells apart several draws of one step
  std::vector<std::size_t> of(const Step& step, std::size_t salt = 0) const {
    if (!fixed) {
      return detail::permutation(
          step.domains(), {seed, seed >> 32U, static_cast<std::uint64_t>(step.index()), salt});
    }
    std::vector<std::size_t> order(step.domains());
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
  }
};

}  // namespace v1
}  // namespace roga
