// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// d = q - alpha (g - <g, q> / <q, q> q): the captured gradient, minus the part of g that is
/// orthogonal to it, which closes the gap between the perturbed loss and the loss.
///
/// GSAM (Zhuang et al., ICLR 2022, arXiv 2203.08065, eq. 7).
struct OrthogonalDescent {
  static constexpr Reads reads = Reads::erm | Reads::captured_mean;

  double alpha = 0.4;  ///< weight of the orthogonal part

  void validate() const { detail::require_finite("alpha", alpha); }
  Combination direction(Step& step) const {
    const auto along = step.dot(erm, captured_mean) / step.dot(captured_mean, captured_mean);
    return Combination(captured_mean) - alpha * (Combination(erm) - along * captured_mean);
  }
};

}  // namespace v1
}  // namespace roga
