// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// After an ascent d = q, and v = q - <q, g> / <g, g> g is remembered; without one
/// d = g + alpha |g| / |v| v.
///
/// LookSAM (Liu et al., CVPR 2022, arXiv 2203.02714, algorithm 1), with the projection over all
/// parameters together, as in the paper. A v that rounding cannot tell from 0, because q lay along
/// g, adds nothing. Memory: the remembered row.
struct ReusedDirection {
  static constexpr Reads reads = Reads::erm | Reads::captured_mean;

  double alpha = 0.7;  ///< weight of the reused direction

  void validate() const { detail::require_finite("alpha (of roga_periodic: reuse)", alpha); }
  Combination direction(Step& step) const {
    if (step.points() > 0) {
      const auto along = step.dot(captured_mean, erm) / step.dot(erm, erm);
      step.remember("look", Combination(captured_mean) - along * erm);
      return captured_mean;
    }
    const auto look = step.memory("look");
    if (!look) return erm;
    const auto length = step.norm(erm);
    const auto left = step.norm(*look);
    const auto kept = above(left, detail::rounding_of_sums(step.row(*look)) * length);
    if (kept.is(0.0)) return erm;
    return Combination(erm) + (kept * alpha * length / left) * *look;
  }
  static constexpr std::size_t remembers = 1;
};

}  // namespace v1
}  // namespace roga
