// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// What a radius may depend on. Both are saved with the optimizer, so a resumed run goes on
/// exactly.
struct Progress {
  std::int64_t step = 0;       ///< steps finished
  double learning_rate = 0.0;  ///< of the first parameter group; NaN if its options have none
};
/// Radius of the next step.
using RadiusSchedule = std::function<double(const Progress&)>;

/// Radii over time, for `RoGAOptimizer::schedule_radius`.
namespace schedules {

/// The same radius in every step.
inline RadiusSchedule constant(double radius) {
  detail::require_radius("radius", radius);
  return [=](const Progress&) { return radius; };
}
/// From `from` to `to` in `steps` steps, then `to`.
inline RadiusSchedule linear(double from, double to, std::int64_t steps) {
  detail::require_radius("from", from);
  detail::require_radius("to", to);
  detail::require(steps >= 1, "steps", "at least 1", static_cast<double>(steps));
  return [=](const Progress& progress) {
    const double share =
        std::fmin(1.0, static_cast<double>(progress.step) / static_cast<double>(steps));
    return from + share * (to - from);
  };
}
/// From `from` to `to` along half a cosine in `steps` steps, then `to`.
inline RadiusSchedule cosine(double from, double to, std::int64_t steps) {
  const auto straight = linear(0, 1, steps);
  detail::require_radius("from", from);
  detail::require_radius("to", to);
  return [=](const Progress& progress) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * straight(progress))) / 2;
  };
}
/// Proportional to the learning rate, between two radii as the rate goes between two rates: GSAM's
/// schedule (Zhuang et al., ICLR 2022, section 4.1).
inline RadiusSchedule proportional(double smallest, double largest, double smallest_rate,
                                   double largest_rate) {
  detail::require_radius("smallest", smallest);
  detail::require_radius("largest", largest);
  detail::require(largest_rate > smallest_rate, "largest_rate", "above smallest_rate",
                  largest_rate);
  return [=](const Progress& progress) {
    const double share = (progress.learning_rate - smallest_rate) / (largest_rate - smallest_rate);
    return smallest + std::fmin(1.0, std::fmax(0.0, share)) * (largest - smallest);
  };
}

}  // namespace schedules
}  // namespace v1
}  // namespace roga
