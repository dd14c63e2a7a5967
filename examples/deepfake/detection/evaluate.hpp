// SPDX-License-Identifier: MIT
// A trained detector on data sets that it was trained on or has never seen.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "detection/test_data.hpp"
#include "metrics/evaluation.hpp"

namespace deepfake {

struct EvaluateOptions : TestOptions {
  VideoScore video_score = VideoScore::mean;
};

struct Evaluation {
  bool synthetic = false;
  std::vector<EvalRow> rows = {};
  std::size_t frames = 0;
  std::string level_of_videos = video_level;
};

/// Scores the split of each data set, and writes RUN/eval.csv (rows of other splits and data sets
/// stay) and RUN/scores/.
/// @throws std::runtime_error, one line that names the file, data set or option
Evaluation evaluate(const EvaluateOptions& options);

/// A row per data set and manipulation, and the mean AUC over manipulations that were trained on
/// and over the others; then what training and test share.
/// @param width of the terminal; 0: all measures, however wide
std::string to_text(const Evaluation& evaluation, std::size_t width = 0);

}  // namespace deepfake
