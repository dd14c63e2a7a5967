// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/scalar.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// What the last step did. Numbers that live on an accelerator are fetched when asked for: asking
/// costs a synchronisation, not asking costs none.
class StepReport {
 public:
  std::int64_t step = 0;        ///< index of the step, from 0
  std::size_t evaluations = 0;  ///< closure (or shared-forward) evaluations
  std::size_t points = 0;       ///< ascent points visited; 0 means that no ascent ran
  bool skipped = false;         ///< a loss or gradient was not finite and the weights stayed

  /// Whether an ascent ran.
  bool ascended() const { return points > 0; }

  /// Loss of each present domain at theta.
  std::vector<double> losses() const { return Scalar::values(losses_); }
  /// |d|, the norm of the direction, before `clip_norm` shortens it.
  double direction_norm() const { return direction_norm_.value(); }
  /// |v_j| of each point's ascent direction, before normalising (in the policy's metric).
  std::vector<double> ascent_norms() const { return Scalar::values(ascent_norms_); }
  /// The radius used at each point.
  std::vector<double> radii() const { return Scalar::values(radii_); }
  /// Cosine between the ERM gradient and the mean captured gradient; needs `diagnose(true)`.
  std::optional<double> cosine() const {
    if (!cosine_) return std::nullopt;
    return cosine_->value();
  }
  /// [K][K] cosines between the domains' gradients at theta; empty without `diagnose(true)`.
  std::vector<std::vector<double>> domain_cosines() const {
    std::vector<std::vector<double>> rows;
    for (const auto& row : domain_cosines_) rows.push_back(Scalar::values(row));
    return rows;
  }

 private:
  template <class P, class C, class A>
  friend class Engine;

  std::vector<Scalar> losses_;
  std::vector<Scalar> ascent_norms_;
  std::vector<Scalar> radii_;
  Scalar direction_norm_;
  std::optional<Scalar> cosine_;
  std::vector<std::vector<Scalar>> domain_cosines_;
};

/// What a step does about a loss or gradient that is not finite.
enum class NonFinite : unsigned char {
  skip,    ///< leave weights, buffers and optimizer state as they were, and report it (default)
  raise,   ///< the same, and throw c10::Error
  ignore,  ///< no check; the only mode without a host synchronisation per step on an accelerator
};

}  // namespace v1
}  // namespace roga
