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
  std::string compression = {};  ///< raw, c23, c40; empty where the data has no such level
};

/// How the scores of a video's frames become the score of the video. The maximum asks whether any
/// frame is fake; the median is not moved by a few odd frames.
enum class VideoScore { mean, max, median };

/// @throws std::runtime_error unless the name is mean, max or median.
VideoScore video_score_named(const std::string& name);

/// One row per video: frames grouped by dataset, compression, domain, label and video (the video's
/// name alone would merge the four manipulations of one FaceForensics++ pair). In order of first
/// appearance; `frame` is empty.
std::vector<FrameScore> video_scores(std::span<const FrameScore> frames,
                                     VideoScore aggregate = VideoScore::mean);

/// One row of eval.csv.
struct EvalRow {
  std::int64_t epoch = 0;
  std::string dataset;
  std::string domain;  ///< one manipulation against the data set's reals, or all_domains
  std::string split;
  std::string level;  ///< frame_level, or what video_level_of() says
  Metrics metrics;
  std::string compression = {};
  // Of rows that evaluate wrote, see data/trained_on.hpp:
  std::string trained = {};  ///< "yes" or "no": was the detector trained on the manipulation?
  std::string source = {};   ///< the folder that its videos lie in
  std::string overlap = {};  ///< what training and test share, in words
};
inline constexpr char all_domains[] = "all";
inline constexpr char frame_level[] = "frame";
inline constexpr char video_level[] = "video";  ///< by mean score

/// video_level for the mean, else "video max" or "video median": no table takes one for the other.
std::string video_level_of(VideoScore aggregate);

/// Rows for every manipulation of every data set in @p frames (its fakes against all reals of that
/// data set in the same compression), at both levels, and where a data set has several
/// manipulations one row of all fakes together. Confidence intervals resample videos. An aggregate
/// other than the mean adds rows of its own level; those of the mean are always there, so that runs
/// stay comparable.
/// @throws std::runtime_error naming the data set that has only one class.
std::vector<EvalRow> evaluate_frames(std::span<const FrameScore> frames, std::int64_t epoch,
                                     const std::string& split, const Bootstrap& bootstrap = {},
                                     VideoScore aggregate = VideoScore::mean);

}  // namespace deepfake
