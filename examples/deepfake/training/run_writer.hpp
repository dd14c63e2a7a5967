// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "metrics/evaluation.hpp"
#include "runs/run_files.hpp"
#include "runs/tensorboard.hpp"
#include "text/progress.hpp"
#include "training/progression.hpp"

namespace deepfake {

/// What a run writes as it goes: rows of history.csv, what TensorBoard shows, and on the terminal a
/// progress bar and the lines that train.log keeps.
class RunWriter {
 public:
  struct Plan {
    std::vector<std::string> domains;
    std::size_t images_per_step = 0;
    std::int64_t total_steps = 0;
  };

  /// @param step of the run; rows after it are dropped where the run @p resumes
  RunWriter(const std::filesystem::path& run, Plan plan, std::int64_t step, bool resumes);

  /// The options, where TensorBoard shows texts.
  void options(const std::string& json);
  /// A line that stays.
  void print(const std::string& line) { progress_.print(line); }
  /// Adds the time that a step took.
  /// @param seconds in the optimizer's step
  /// @param all_seconds with making its batches
  void time(double seconds, double all_seconds);
  /// Writes a row over the steps since the last one.
  void row(const Progression& now, std::int64_t epoch, double learning_rate);
  /// Moves the progress bar.
  void update(std::int64_t step);
  /// AUC on the validation frames.
  void validation(std::int64_t step, const std::vector<EvalRow>& rows);
  /// Puts on disk what a checkpoint counts as done.
  void flush() { board_.flush(); }

  /// The last row; NaN before there is one.
  double loss() const { return loss_; }
  double images_per_second() const { return images_per_second_; }

 private:
  Plan plan_;
  Progress progress_;
  HistoryWriter history_;
  TensorBoardWriter board_;
  struct {
    double step = 0;  ///< seconds in the optimizer's step
    double all = 0;
    int steps = 0;
  } timed_;
  double loss_;
  double images_per_second_;
};

}  // namespace deepfake
