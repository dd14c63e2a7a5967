// SPDX-License-Identifier: MIT
// A trained detector on data sets that it was trained on or has never seen.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "metrics/evaluation.hpp"
#include "training/test_data.hpp"

namespace deepfake {

struct EvaluateOptions : TestOptions {
  VideoScore video_score = VideoScore::mean;
};

struct Evaluation {
  bool synthetic = false;
  std::vector<std::string> train_datasets;
  std::vector<std::string> train_domains;
  std::vector<EvalRow> rows = {};
  std::size_t frames = 0;
  std::string level_of_videos = video_level;
};

/// Scores the split of each data set, and writes RUN/eval.csv (rows of other splits and data sets
/// stay) and RUN/scores/.
/// @throws std::runtime_error, one line that names the file, data set or option
Evaluation evaluate(const EvaluateOptions& options);

/// Puts @p rows in the place of those rows of RUN/eval.csv that @p is_replaced picks.
void merge_evals(const std::filesystem::path& run, const std::vector<EvalRow>& rows,
                 const std::function<bool(const EvalRow&)>& is_replaced);

/// A row per data set and manipulation, and the mean AUC over manipulations that were trained on
/// and over the others.
std::string to_text(const Evaluation& evaluation);

}  // namespace deepfake
