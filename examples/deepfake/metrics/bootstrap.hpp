// SPDX-License-Identifier: MIT
// Confidence intervals by resampling whole videos: frames of one video are not independent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace deepfake {

struct Bootstrap {
  int resamples = 1000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

struct Interval {
  double low = 0;
  double high = 0;
};

/// Percentile interval of the AUC. Groups (videos, one id per score) are drawn with replacement,
/// among the reals and among the fakes apart, so that no resample lacks a class. A group that holds
/// both classes counts as two.
Interval auc_interval(std::span<const double> scores, std::span<const int> labels,
                      std::span<const std::string> groups, const Bootstrap& bootstrap = {});

/// From the smaller to the larger quantile that leave out (1 - confidence) / 2 of the values each.
Interval percentile_interval(std::vector<double> values, double confidence);

/// Twice the share of resampled differences on the lesser side of 0, the observed data counted as
/// one more resample: no finite number of resamples shows p = 0.
double two_sided_p(std::span<const double> differences);

/// @throws std::runtime_error unless resamples >= 1 and 0 < confidence < 1.
void check(const Bootstrap& bootstrap);

/// AUC of @p first minus AUC of @p second on the same samples, both scored on the same resamples.
struct PairedDifference {
  double difference = 0;
  Interval interval;
  double p_value = 1;  ///< two_sided_p()
};
PairedDifference paired_auc_difference(std::span<const double> first,
                                       std::span<const double> second, std::span<const int> labels,
                                       std::span<const std::string> groups,
                                       const Bootstrap& bootstrap = {});

}  // namespace deepfake
