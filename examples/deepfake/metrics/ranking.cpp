// SPDX-License-Identifier: MIT
#include "metrics/ranking.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

namespace deepfake {
namespace {

double auc_of(std::span<const TieGroup> ascending) {
  // Pairs (fake, real) in the right order, a tie counting half: what mid-ranks count.
  double pairs = 0, real_below = 0, fakes = 0;
  for (const TieGroup& group : ascending) {
    pairs += group.fake * (real_below + group.real / 2);
    real_below += group.real;
    fakes += group.fake;
  }
  return pairs / (real_below * fakes);
}

}  // namespace

Ranking::Ranking(std::span<const double> scores, std::span<const int> labels)
    : group_of_(scores.size()), labels_(labels.begin(), labels.end()) {
  if (scores.size() != labels.size()) {
    throw std::runtime_error("there must be one label per score, got " +
                             std::to_string(scores.size()) + " scores and " +
                             std::to_string(labels.size()) + " labels");
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      throw std::runtime_error("score number " + std::to_string(i) +
                               " is not finite: the detector's output is broken there");
    }
    if (labels[i] != 0 && labels[i] != 1) {
      throw std::runtime_error("labels must be 0 (real) or 1 (fake), got " +
                               std::to_string(labels[i]));
    }
    (labels[i] == 1 ? total_fake_ : total_real_) += 1;
  }
  if (total_real_ == 0 || total_fake_ == 0) {
    throw std::runtime_error("an evaluation needs real and fake samples, got " +
                             std::to_string(static_cast<std::size_t>(total_real_)) + " real and " +
                             std::to_string(static_cast<std::size_t>(total_fake_)) +
                             " fake: add the missing class to the test set");
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return scores[i]; });
  for (const std::size_t i : order) {
    if (groups_.empty() || groups_.back().score != scores[i]) groups_.push_back({scores[i], 0, 0});
    group_of_[i] = groups_.size() - 1;
    (labels[i] == 1 ? groups_.back().fake : groups_.back().real) += 1;
  }
}

double Ranking::auc() const { return auc_of(groups_); }

double Ranking::auc(std::span<const double> weights) const {
  std::vector<TieGroup> weighted(groups_.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    TieGroup& group = weighted[group_of_[i]];
    (labels_[i] == 1 ? group.fake : group.real) += weights[i];
  }
  return auc_of(weighted);
}

}  // namespace deepfake
