// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/engine/record.hpp>
#include <roga/tensor/scalar.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// What one step did. Numbers that live on an accelerator are fetched when asked for: asking costs
/// a synchronisation, not asking costs none.
class StepReport {
 public:
  /// RoGAOptimizer::last_step() makes it.
  explicit StepReport(detail::StepRecord record) : record_(std::move(record)) {}

  /// Index of the step, from 0.
  std::int64_t step() const { return record_.step; }
  /// Evaluations of closures, or of the shared forward.
  std::size_t evaluations() const { return record_.evaluations; }
  /// Ascent points visited; 0 means that no ascent ran.
  std::size_t points() const { return record_.points; }
  /// Whether an ascent ran.
  bool ascended() const { return record_.points > 0; }
  /// Whether a loss or gradient was not finite and the weights stayed.
  bool skipped() const { return record_.skipped; }
  /// How many steps in a row were skipped, this one included; 0 if it was not. Counted since the
  /// optimizer was made or loaded.
  std::int64_t skipped_in_a_row() const { return record_.skipped_in_a_row; }

  /// Loss of each present domain at theta.
  std::vector<double> losses() const { return Scalar::values(record_.losses); }
  /// |d|, the norm of the direction, before `clip_norm` shortens it.
  double direction_norm() const { return record_.direction_norm.value(); }
  /// |v_j| of each point's ascent direction, before normalising (in the policy's metric).
  std::vector<double> ascent_norms() const { return Scalar::values(record_.ascent_norms); }
  /// The radius used at each point.
  std::vector<double> radii() const { return Scalar::values(record_.radii); }
  /// Cosine between the ERM gradient and the mean captured gradient; needs `diagnose(true)`.
  std::optional<double> cosine() const {
    if (!record_.cosine) return std::nullopt;
    return record_.cosine->value();
  }
  /// [K][K] cosines between the domains' gradients at theta; empty without `diagnose(true)`.
  std::vector<std::vector<double>> domain_cosines() const {
    std::vector<std::vector<double>> rows;
    for (const auto& row : record_.domain_cosines) rows.push_back(Scalar::values(row));
    return rows;
  }

 private:
  detail::StepRecord record_;
};

}  // namespace v1
}  // namespace roga
