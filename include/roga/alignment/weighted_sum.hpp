// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// d = w_erm g + w_gen mean_j q_j: the ERM gradient and the captured ones, weighted.
///
/// Weights that sum to one keep the meaning of the learning rate.
struct WeightedSum {
  static constexpr Reads reads = Reads::erm | Reads::captured_mean;
  static constexpr bool from_losses = true;  ///< the coefficients are settings

  double w_erm = 0.5;  ///< of the ERM gradient
  double w_gen = 0.5;  ///< of the captured gradients

  void validate() const {
    detail::require_finite("w_erm", w_erm);
    detail::require_finite("w_gen", w_gen);
  }
  Combination direction(const Step&) const { return w_erm * erm + w_gen * captured_mean; }
};

}  // namespace v1
}  // namespace roga
