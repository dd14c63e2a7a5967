// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "training/options.hpp"
#include "training/ranks.hpp"

namespace deepfake {

/// Where a run is written, and what to do if one is there already.
struct RunRequest {
  std::filesystem::path run;
  bool resume = false;  ///< continue it, or begin if there is none
  bool force = false;   ///< begin anew
  bool verify = false;  ///< compare, and keep, a hash of all bytes of the frames
  /// Asked after each step; true ends training with a checkpoint to resume from.
  std::function<bool()> stop = {};
};

struct TrainResult {
  bool finished = false;  ///< false: stopped
  std::int64_t steps = 0;
  std::int64_t skipped = 0;  ///< steps with a loss or gradient that was not finite
  std::int64_t best_epoch = 0;
  double best_auc = 0;  ///< mean over the manipulations, on val
};

/// Trains a detector. The run folder gets config.json, history.csv, eval.csv (val, each epoch) and
/// checkpoints/last.pt and best.pt. With one thread, a run that was stopped or killed at any moment
/// and resumed ends with the same bits as one that never was.
/// @throws std::runtime_error or c10::Error, one line
TrainResult train(const TrainOptions& options, const RunRequest& request);

/// Trains with several processes: all call it, with the same options but for those of the machine.
/// The run is that of one process up to rounding, for any number of ranks; with the same number,
/// stopped and resumed, it ends with the same bits. Rank 0 alone writes, and its request counts.
/// @throws the same on all ranks, if one fails
TrainResult train(const TrainOptions& options, const RunRequest& request, Ranks& ranks);

}  // namespace deepfake
