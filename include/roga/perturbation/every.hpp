// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <roga/policy/concepts.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// Runs another ascent on steps 0, period, 2 period, ... and has no points on the others. There the
/// alignment must work without captured rows, as ReusedDirection does.
template <PerturbationPolicy Ascent>
requires(Ascent::at_theta) struct Every : Ascent {
  std::int64_t period = 10;  ///< >= 1

  void validate() const {
    if constexpr (requires(const Ascent& ascent) { ascent.validate(); }) Ascent::validate();
    detail::require(period >= 1, "k (the period)", "at least 1", static_cast<double>(period));
  }
  std::size_t points(Step& step) const {
    return step.index() % period == 0 ? Ascent::points(step) : 0;
  }
  /// Share of the steps that have points.
  constexpr double frequency() const { return 1.0 / static_cast<double>(period); }
};

}  // namespace v1
}  // namespace roga
