// SPDX-License-Identifier: MIT
#include "metrics/calibration.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace deepfake {
namespace {

/// Scores of exactly 0 and 1, which float32 rounds to, stay finite.
double logit(double prob) {
  constexpr double smallest = 1e-7;
  const double inside = std::clamp(prob, smallest, 1 - smallest);
  return std::log(inside) - std::log1p(-inside);
}

/// -log sigmoid(x)
double softplus_of_minus(double x) {
  return x > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x;
}

struct RawScores {
  std::vector<double> probs;
  std::vector<int> labels;
};

RawScores raw_scores_of(std::span<const FrameScore> scores) {
  RawScores columns;
  for (const FrameScore& score : scores) {
    columns.probs.push_back(score.prob);
    columns.labels.push_back(score.label);
  }
  return columns;
}

double loss_at(std::span<const double> probs, std::span<const int> labels, double temperature) {
  std::array<double, 2> sums{}, counts{};
  for (std::size_t i = 0; i < probs.size(); ++i) {
    const double z = logit(probs[i]) / temperature;
    const std::size_t is_fake = labels[i] == 1 ? 1 : 0;
    sums[is_fake] += softplus_of_minus(is_fake == 1 ? z : -z);
    counts[is_fake] += 1;
  }
  if (counts[0] == 0 || counts[1] == 0) {
    throw std::runtime_error("a calibration needs real and fake scores");
  }
  return (sums[0] / counts[0] + sums[1] / counts[1]) / 2;
}

}  // namespace

double calibrated(double prob, double temperature) {
  return 1 / (1 + std::exp(-logit(prob) / temperature));
}

double balanced_log_loss(std::span<const double> probs, std::span<const int> labels) {
  return loss_at(probs, labels, 1);
}

double fit_temperature(std::span<const double> probs, std::span<const int> labels) {
  // The loss is convex in 1 / temperature.
  constexpr double golden = 0.6180339887498949;
  double low = 1.0 / 20, high = 20;
  const auto loss = [&](double inverse) { return loss_at(probs, labels, 1 / inverse); };
  double a = high - golden * (high - low), b = low + golden * (high - low);
  double at_a = loss(a), at_b = loss(b);
  constexpr double resolution = 1e-6;
  while (high - low > resolution * high) {
    if (at_a <= at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - golden * (high - low);
      at_a = loss(a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + golden * (high - low);
      at_b = loss(b);
    }
  }
  return 2 / (low + high);
}

double threshold_for(std::vector<double> reals, double rate) {
  if (reals.empty()) throw std::runtime_error("a threshold needs scores of reals");
  std::ranges::sort(reals, std::greater());
  const auto allowed = static_cast<std::size_t>(rate * static_cast<double>(reals.size()) + 1e-9);
  return reals[std::min(allowed, reals.size() - 1)];
}

std::vector<ReliabilityBin> reliability(std::span<const double> probs, std::span<const int> labels,
                                        int bins) {
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  for (std::size_t i = 0; i < probs.size(); ++i) {
    const int bin = std::clamp(static_cast<int>(std::ceil(probs[i] * bins)) - 1, 0, bins - 1);
    ReliabilityBin& entry = result[static_cast<std::size_t>(bin)];
    entry.count += 1;
    entry.mean_prob += probs[i];
    entry.share_of_fakes += labels[i] == 1 ? 1 : 0;
  }
  for (ReliabilityBin& bin : result) {
    if (bin.count == 0) continue;
    bin.mean_prob /= static_cast<double>(bin.count);
    bin.share_of_fakes /= static_cast<double>(bin.count);
  }
  return result;
}

Calibration calibrate(std::span<const FrameScore> frames, std::int64_t epoch) {
  const RawScores raw = raw_scores_of(frames);
  Calibration result;
  result.epoch = epoch;
  result.temperature = fit_temperature(raw.probs, raw.labels);
  RawScores scaled = raw;
  for (double& prob : scaled.probs) prob = calibrated(prob, result.temperature);
  result.n_fake = std::ranges::count(raw.labels, 1);
  result.n_real = std::ssize(raw.labels) - result.n_fake;
  result.log_loss_before = balanced_log_loss(raw.probs, raw.labels);
  result.log_loss = balanced_log_loss(scaled.probs, raw.labels);
  result.ece_before = expected_calibration_error(raw.probs, raw.labels);
  result.ece = expected_calibration_error(scaled.probs, raw.labels);
  result.bins_before = reliability(raw.probs, raw.labels);
  result.bins = reliability(scaled.probs, raw.labels);
  std::vector<double> frames_of_reals, videos_of_reals;
  for (const FrameScore& frame : frames) {
    if (frame.label == 0) frames_of_reals.push_back(frame.prob);
  }
  for (const FrameScore& video : video_scores(frames)) {
    if (video.label == 0) videos_of_reals.push_back(video.prob);
  }
  result.real_videos = std::ssize(videos_of_reals);
  for (const double rate : kept_rates) {
    result.thresholds.push_back(
        {rate, threshold_for(frames_of_reals, rate), threshold_for(videos_of_reals, rate)});
  }
  return result;
}

}  // namespace deepfake
