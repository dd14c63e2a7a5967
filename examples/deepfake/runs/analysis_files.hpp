// SPDX-License-Identifier: MIT
// What examinations of a trained detector leave in its run folder:
//   gradcam/index.csv   one row per picture gradcam/FILE: a frame, and beside it the same frame
//                       under its heat map
//   robustness.csv      AUC by corruption of the test frames
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace deepfake {

struct GradCamRow {
  std::string file;  ///< PNG, relative to RUN/gradcam
  std::string dataset;
  std::string domain;  ///< label name: FF-DF, FF-real, ...
  std::string video;
  std::string frame;
  int label = 0;
  double prob = 0;
  std::string compression = {};
};

/// Replaces RUN/gradcam/index.csv, in one go.
void write_gradcam_index(const std::filesystem::path& run, std::span<const GradCamRow> rows);
/// Nothing if there is no such file.
std::vector<GradCamRow> read_gradcam_index(const std::filesystem::path& run);

/// The name of "corruption" in rows about frames as they are.
inline constexpr char no_corruption[] = "none";

struct RobustnessRow {
  std::string corruption;  ///< jpeg, blur, ..., or no_corruption
  double level = 0;  ///< the corruption's parameter (JPEG quality, ...); of no use without one
  std::string dataset;
  std::string domain;
  double frame_auc = 0;
  double video_auc = 0;
  std::string compression = {};
};

/// Replaces RUN/robustness.csv, in one go.
void write_robustness(const std::filesystem::path& run, std::span<const RobustnessRow> rows);
/// Nothing if there is no such file.
std::vector<RobustnessRow> read_robustness(const std::filesystem::path& run);

}  // namespace deepfake
