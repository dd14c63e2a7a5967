// SPDX-License-Identifier: MIT
// Scores sorted once and grouped by ties: what AUC, ROC, average precision and the bootstrap share.
#pragma once

#include <span>
#include <vector>

namespace deepfake {

/// All samples with one and the same score.
struct TieGroup {
  double score = 0;
  double real = 0;  ///< number (or weight) of reals among them
  double fake = 0;
};

class Ranking {
 public:
  /// @throws std::runtime_error unless both classes are present, every score is finite, every label
  /// is 0 or 1, and there is one label per score.
  Ranking(std::span<const double> scores, std::span<const int> labels);

  /// Tie groups, lowest score first.
  std::span<const TieGroup> groups() const { return groups_; }
  double total_real() const { return total_real_; }
  double total_fake() const { return total_fake_; }

  double auc() const;
  /// AUC with sample i (in the constructor's order) counted @p weights[i] times; both classes need
  /// some weight.
  double auc(std::span<const double> weights) const;

 private:
  std::vector<TieGroup> groups_;
  std::vector<std::size_t> group_of_;  // by sample
  std::vector<int> labels_;
  double total_real_ = 0;
  double total_fake_ = 0;
};

}  // namespace deepfake
