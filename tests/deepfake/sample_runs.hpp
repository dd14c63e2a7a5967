// SPDX-License-Identifier: MIT
// Small run folders for tests of the report.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "runs/run_files.hpp"

namespace deepfake::testing {

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

inline EvalRow eval_row(const std::string& dataset, const std::string& domain, double auc_value,
                        const std::string& level = frame_level) {
  EvalRow row{1, dataset, domain, "test", level, {}};
  row.metrics.auc = auc_value;
  return row;
}

/// A finished run on FF-DF, tested on FF-DF and on the unseen Celeb-DF-v2.
inline void write_run(const std::filesystem::path& folder, const std::string& method, int seed,
                      double unseen_auc, double step_seconds, bool synthetic = false) {
  write_config(folder, {{"name", folder.filename().string()},
                        {"method", method},
                        {"seed", seed},
                        {"synthetic", synthetic},
                        {"train_datasets", {"FF-DF"}},
                        {"train_domains", {"FF-DF"}},
                        {"options", {{"seed", seed}, {"lr", 0.1}}}});
  HistoryWriter history(folder, {"loss FF-DF"});
  for (int step = 1; step <= 5; ++step) {
    history.write({.step = step,
                   .epoch = 0,
                   .lr = .1,
                   .loss = 1. / step,
                   .img_s = 10,
                   .step_seconds = step == 5 ? 100 : step_seconds,
                   .grad_norm = 1,
                   .extra = {{"loss FF-DF", 1. / step}}});
  }
  write_evals(folder, std::vector<EvalRow>{
                          eval_row("FF-DF", "FF-DF", .1), eval_row("FF-DF", "FF-DF", .9),
                          eval_row("FF-DF", "FF-DF", .95, video_level),
                          eval_row("Celeb-DF-v2", "CelebDFv2_fake", unseen_auc),
                          eval_row("Celeb-DF-v2", "CelebDFv2_fake", unseen_auc, video_level)});
  std::vector<FrameScore> scores;
  for (int n = 0; n < 20; ++n) {
    const std::string video = std::to_string(n);
    scores.push_back({"FF-DF", "FF-real", video, "0", 0, n / 40.});
    scores.push_back({"FF-DF", "FF-DF", video + "_x", "0", 1, n / 25.});
  }
  write_scores(folder, scores);
}

}  // namespace deepfake::testing
