// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// GAM's direction from its three captured gradients (see GradientNormAscent):
///
///     h+ = a q_0 + (1 - a) q_2,  h- = b g + (1 - b) q_1
///     d = h+ - gamma (h- - <h-, h+> / <h+, h+> h+)
///
/// Zhang et al., CVPR 2023, arXiv 2303.03108. The authors' code adds the gradients up (all weights
/// 1) where the paper averages; this is the paper's form.
struct GradientNormDescent {
  static constexpr Reads reads = Reads::erm | Reads::captured;

  double a = 0.5;       ///< share of the first ascended gradient
  double b = 0.5;       ///< share of the gradient at theta
  double gamma = 0.03;  ///< weight of the orthogonal part

  void validate() const {
    detail::require_finite("a", a);
    detail::require_finite("b", b);
    detail::require_finite("gamma", gamma);
  }
  Combination direction(Step& step) const {
    const Combination plus = a * captured(0) + (1 - a) * captured(2);
    const Combination minus = b * erm + (1 - b) * captured(1);
    const auto along = step.dot(minus, plus) / step.dot(plus, plus);
    return plus - gamma * (minus - along * plus);
  }
};

}  // namespace v1
}  // namespace roga
