// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>

namespace roga {
inline namespace v1 {

/// d = g for the base optimizer; after its step, theta <- theta - lr A (q - g), A = gamma / (1 -
/// gamma): the sharpness term bypasses the base optimizer's preconditioner.
///
/// Decoupled WSAM (Yue et al., KDD 2023, arXiv 2305.15817, algorithm 1), the authors' default.
struct DecoupledSharpness {
  static constexpr Reads reads = Reads::erm | Reads::captured_mean;

  double gamma = 0.9;  ///< in [0, 1)

  void validate() const { detail::require(gamma >= 0 && gamma < 1, "gamma", "in [0, 1)", gamma); }
  Combination direction(const Step&) const { return erm; }
  /// Subtracted after the base step, times each group's learning rate.
  Combination after_base(const Step&) const { return gamma / (1 - gamma) * (captured_mean - erm); }
};

}  // namespace v1
}  // namespace roga
