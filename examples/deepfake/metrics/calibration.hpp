// SPDX-License-Identifier: MIT
// What a score means: a temperature that makes scores probabilities, and thresholds for wanted
// false positive rates. Both hold for data like that which they were fitted on, and for no other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "metrics/evaluation.hpp"

namespace deepfake {

/// sigmoid(logit(prob) / temperature).
double calibrated(double prob, double temperature);

/// The temperature with the smallest negative log-likelihood of @p labels, each class weighing one
/// half: the share of fakes is the data set's, not the detector's. (Guo et al., ICML 2017, arXiv
/// 1706.04599.) Within [0.05, 20].
/// @throws std::runtime_error as auc() does
double fit_temperature(std::span<const double> probs, std::span<const int> labels);

/// Mean over both classes of the negative log-likelihood.
double balanced_log_loss(std::span<const double> probs, std::span<const int> labels);

/// The smallest score of @p reals above which at most a share @p rate of them lies: "score >
/// threshold" says fake. With too few reals for the rate, none may lie above.
double threshold_for(std::vector<double> reals, double rate);

/// A bin of a reliability diagram.
struct ReliabilityBin {
  std::int64_t count = 0;
  double mean_prob = 0;
  double share_of_fakes = 0;
};
/// Bins of equal width; those without a sample have count 0.
std::vector<ReliabilityBin> reliability(std::span<const double> probs, std::span<const int> labels,
                                        int bins = 10);

struct Threshold {
  double rate = 0;   ///< wanted share of reals called fake
  double frame = 0;  ///< for the score of a frame
  double video = 0;  ///< for the mean score of a video's frames
};

struct Calibration {
  std::int64_t epoch = 0;  ///< of the checkpoint that was validated
  double temperature = 1;
  std::int64_t n_real = 0;  ///< frames it was fitted on
  std::int64_t n_fake = 0;
  std::int64_t real_videos = 0;
  double log_loss_before = 0;
  double log_loss = 0;
  double ece_before = 0;
  double ece = 0;
  std::vector<Threshold> thresholds = {};  ///< by rising rate
  std::vector<ReliabilityBin> bins_before = {};
  std::vector<ReliabilityBin> bins = {};
};

/// The false positive rates that thresholds are kept for.
inline constexpr double kept_rates[] = {0.01, 0.02, 0.05, 0.1, 0.2};

/// @param frames of the validation split
Calibration calibrate(std::span<const FrameScore> frames, std::int64_t epoch);

}  // namespace deepfake
