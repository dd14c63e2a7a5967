// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// d = sum_k (1 / K + (2 lambda / K) (L_k - mean L)) g_k: the gradient of the mean loss plus lambda
/// times the variance of the domains' losses.
///
/// V-REx (Krueger et al., ICML 2021, arXiv 2003.00688, eq. 8).
struct LossVariance {
  static constexpr Reads reads = Reads::domains;
  static constexpr bool from_losses = true;  ///< the coefficients follow from the losses

  double lambda = 10.0;  ///< weight of the variance, >= 0

  void validate() const { detail::require_radius("lambda", lambda); }
  Combination direction(Step& step) const {
    const auto count = static_cast<double>(step.domains());
    Combination sum;
    for (std::size_t k = 0; k < step.domains(); ++k) {
      const auto excess = step.loss(k) - step.mean_loss();
      sum = sum + (1 / count + 2 * lambda / count * excess) * domain(k);
    }
    return sum;
  }
};

}  // namespace v1
}  // namespace roga
