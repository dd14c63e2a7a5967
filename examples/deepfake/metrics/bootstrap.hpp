// SPDX-License-Identifier: MIT
// Confidence intervals by resampling whole videos: frames of one video are not independent.
#pragma once

#include <cstdint>
#include <span>
#include <string>

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

/// AUC of @p first minus AUC of @p second on the same samples, both scored on the same resamples.
struct PairedDifference {
  double difference = 0;
  Interval interval;
  double p_value = 1;  ///< two-sided: twice the share of resamples on the lesser side of 0
};
PairedDifference paired_auc_difference(std::span<const double> first,
                                       std::span<const double> second, std::span<const int> labels,
                                       std::span<const std::string> groups,
                                       const Bootstrap& bootstrap = {});

}  // namespace deepfake
