// SPDX-License-Identifier: MIT
// From the scores of a data set's frames to its rows of the results table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/bootstrap.hpp"
#include "metrics/metrics.hpp"

namespace deepfake {

/// The detector's verdict on one frame.
struct FrameScore {
  std::string dataset;
  std::string domain;  ///< label name: FF-DF, FF-real, ...
  std::string video;
  std::string frame;  ///< file stem
  int label = 0;      ///< 0 real, 1 fake
  double prob = 0;
};

/// One row per video: frames grouped by dataset, domain, label and video (the video's name alone
/// would merge the four manipulations of one FaceForensics++ pair), with their mean probability.
/// In order of first appearance; `frame` is empty.
std::vector<FrameScore> video_scores(std::span<const FrameScore> frames);

/// One row of eval.csv.
struct EvalRow {
  std::int64_t epoch = 0;
  std::string dataset;
  std::string domain;  ///< one manipulation against the data set's reals, or all_domains
  std::string split;
  std::string level;  ///< frame_level or video_level
  Metrics metrics;
};
inline constexpr char all_domains[] = "all";
inline constexpr char frame_level[] = "frame";
inline constexpr char video_level[] = "video";

/// Rows for every manipulation of every data set in @p frames (its fakes against all reals of that
/// data set), at both levels, and where a data set has several manipulations one row of all fakes
/// together. Confidence intervals resample videos.
/// @throws std::runtime_error naming the data set that has only one class.
std::vector<EvalRow> evaluate_frames(std::span<const FrameScore> frames, std::int64_t epoch,
                                     const std::string& split, const Bootstrap& bootstrap = {});

}  // namespace deepfake
