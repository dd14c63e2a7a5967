// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>

namespace roga {
inline namespace v1 {

/// Where a perturbation policy looks next:
///
///     x = origin + radius * M v / |M^(1/2) v| + shift
///
/// v = `direction`; M is the policy's metric (identity where it has none); a direction of length 0
/// adds nothing. The norm runs over all parameters together.
struct Point {
  /// What a point is measured from.
  enum class From : unsigned char { theta, previous };
  Combination direction = {};
  Scalar radius = 0.0;      ///< length of the step along the direction
  Combination shift = {};   ///< added as it is
  From from = From::theta;  ///< theta, or the point before
};

/// Which data a capture policy evaluates at a point.
struct Slice {
  bool all = true;         ///< every domain of the step, averaged
  std::size_t domain = 0;  ///< otherwise this one
  /// All domains.
  static constexpr Slice pooled() { return {}; }
  /// The k-th domain alone.
  static constexpr Slice own(std::size_t k) { return {.all = false, .domain = k}; }
};

}  // namespace v1
}  // namespace roga
