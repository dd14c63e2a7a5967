// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "training/methods.hpp"

namespace deepfake {

/// How far a run is: what it needs to continue, besides weights and optimizer.
struct Progression {
  std::int64_t step = 0;  ///< steps done
  std::int64_t skipped = 0;
  std::int64_t skipped_in_a_row = 0;
  std::int64_t best_epoch = 0;
  double best_auc = 0;
  // Sums since the last row of history.csv, over steps that were not skipped.
  std::int64_t summed_steps = 0;
  double summed_norm = 0;
  std::vector<double> summed_losses = {};  ///< by domain

  /// Counts a step.
  void add(const StepOutcome& outcome);
  /// Empties the sums.
  void begin_row();
  /// Whether an epoch with @p auc is better than all before.
  bool is_best(double auc) const { return best_epoch == 0 || auc > best_auc; }
};

nlohmann::ordered_json to_json(const Progression& now);
Progression progression(const nlohmann::ordered_json& json);

}  // namespace deepfake
