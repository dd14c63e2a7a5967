// SPDX-License-Identifier: MIT
#include "metrics/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "metrics/ranking.hpp"

namespace deepfake {
namespace {

/// Draws, for each sample, how often it occurs in a resample of the groups.
class GroupResampler {
 public:
  GroupResampler(std::span<const int> labels, std::span<const std::string> groups,
                 const Bootstrap& bootstrap)
      : random_(bootstrap.seed), group_of_(labels.size()), labels_(labels) {
    if (groups.size() != labels.size()) {
      throw std::runtime_error("the bootstrap needs one group per score, got " +
                               std::to_string(groups.size()) + " groups and " +
                               std::to_string(labels.size()) + " scores");
    }
    check(bootstrap);
    std::array<std::unordered_map<std::string, std::size_t>, 2> ids;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      auto& of_class = ids[class_of(i)];
      group_of_[i] = of_class.try_emplace(groups[i], of_class.size()).first->second;
    }
    for (std::size_t c = 0; c < 2; ++c) times_drawn_[c].resize(ids[c].size());
  }

  void draw(std::vector<double>& weights) {
    for (auto& times : times_drawn_) {
      std::ranges::fill(times, 0.0);
      // Not std::uniform_int_distribution, whose results differ between standard libraries.
      for (std::size_t n = 0; n < times.size(); ++n) times[random_() % times.size()] += 1;
    }
    weights.resize(labels_.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = times_drawn_[class_of(i)][group_of_[i]];
    }
  }

 private:
  std::size_t class_of(std::size_t sample) const { return labels_[sample] == 1 ? 1 : 0; }

  std::mt19937_64 random_;
  std::vector<std::size_t> group_of_;  // by sample
  std::span<const int> labels_;
  std::array<std::vector<double>, 2> times_drawn_;  // by class and group
};

/// Quantile of sorted values, linear between them.
double quantile(std::span<const double> sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - std::floor(position)) * (sorted[above] - sorted[below]);
}

}  // namespace

Interval percentile_interval(std::vector<double> values, double confidence) {
  std::ranges::sort(values);
  return {quantile(values, (1 - confidence) / 2), quantile(values, (1 + confidence) / 2)};
}

double two_sided_p(std::span<const double> differences) {
  const auto at_most = std::ranges::count_if(differences, [](double value) { return value <= 0; });
  const auto at_least = std::ranges::count_if(differences, [](double value) { return value >= 0; });
  const auto lesser = static_cast<double>(std::min(at_most, at_least));
  return std::min(1.0, 2 * (lesser + 1) / (static_cast<double>(differences.size()) + 1));
}

void check(const Bootstrap& bootstrap) {
  if (bootstrap.resamples < 1 || !(bootstrap.confidence > 0 && bootstrap.confidence < 1)) {
    throw std::runtime_error("the bootstrap needs resamples >= 1 and 0 < confidence < 1, got " +
                             std::to_string(bootstrap.resamples) + " and " +
                             std::to_string(bootstrap.confidence));
  }
}

Interval auc_interval(std::span<const double> scores, std::span<const int> labels,
                      std::span<const std::string> groups, const Bootstrap& bootstrap) {
  const Ranking ranking(scores, labels);
  GroupResampler resampler(labels, groups, bootstrap);
  std::vector<double> weights, values;
  for (int n = 0; n < bootstrap.resamples; ++n) {
    resampler.draw(weights);
    values.push_back(ranking.auc(weights));
  }
  return percentile_interval(values, bootstrap.confidence);
}

PairedDifference paired_auc_difference(std::span<const double> first,
                                       std::span<const double> second, std::span<const int> labels,
                                       std::span<const std::string> groups,
                                       const Bootstrap& bootstrap) {
  const Ranking first_ranking(first, labels), second_ranking(second, labels);
  GroupResampler resampler(labels, groups, bootstrap);
  std::vector<double> weights, values;
  for (int n = 0; n < bootstrap.resamples; ++n) {
    resampler.draw(weights);
    values.push_back(first_ranking.auc(weights) - second_ranking.auc(weights));
  }
  PairedDifference result;
  result.difference = first_ranking.auc() - second_ranking.auc();
  result.interval = percentile_interval(values, bootstrap.confidence);
  result.p_value = two_sided_p(values);
  return result;
}

}  // namespace deepfake
