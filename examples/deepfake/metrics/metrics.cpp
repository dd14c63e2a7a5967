// SPDX-License-Identifier: MIT
#include "metrics/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>

#include "metrics/ranking.hpp"

namespace deepfake {
namespace {

struct ClassCounts {
  double real = 0;
  double fake = 0;
};

/// Checks the input that every measure relies on and counts the classes.
ClassCounts check(std::span<const double> scores, std::span<const int> labels) {
  const Ranking ranking(scores, labels);
  return {ranking.total_real(), ranking.total_fake()};
}

void check_probabilities(std::span<const double> scores, const char* measure) {
  for (const double score : scores) {
    if (score < 0 || score > 1) {
      throw std::runtime_error(std::string(measure) + " needs probabilities in [0, 1], got " +
                               std::to_string(score) + ": pass the logits through a sigmoid");
    }
  }
}

ClassCounts right_decisions(std::span<const double> scores, std::span<const int> labels,
                            double threshold) {
  ClassCounts right;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool says_fake = scores[i] > threshold;
    if (labels[i] == 1 && says_fake) ++right.fake;
    if (labels[i] == 0 && !says_fake) ++right.real;
  }
  return right;
}

}  // namespace

double auc(std::span<const double> scores, std::span<const int> labels) {
  return Ranking(scores, labels).auc();
}

std::vector<RocPoint> roc_curve(std::span<const double> scores, std::span<const int> labels,
                                Collinear collinear) {
  const Ranking ranking(scores, labels);
  const double n_real = ranking.total_real(), n_fake = ranking.total_fake();
  const std::span<const TieGroup> ascending = ranking.groups();
  std::vector<RocPoint> curve{{0, 0, std::numeric_limits<double>::infinity()}};
  double real_above = 0, fake_above = 0;
  for (std::size_t i = ascending.size(); i-- > 0;) {
    const TieGroup& group = ascending[i];
    real_above += group.real;
    fake_above += group.fake;
    // scikit-learn looks for equal steps before it puts (0, 0) in front of the curve.
    const bool inner = i + 1 < ascending.size() && i > 0;
    if (collinear == Collinear::drop && inner && group.real == ascending[i - 1].real &&
        group.fake == ascending[i - 1].fake) {
      continue;
    }
    curve.push_back({real_above / n_real, fake_above / n_fake, group.score});
  }
  return curve;
}

double eer_sklearn_style(std::span<const double> scores, std::span<const int> labels) {
  const std::vector<RocPoint> curve = roc_curve(scores, labels, Collinear::drop);
  const auto gap = [](const RocPoint& point) { return std::abs((1 - point.tpr) - point.fpr); };
  return std::ranges::min_element(curve, {}, gap)->fpr;
}

double eer_interpolated(std::span<const double> scores, std::span<const int> labels) {
  const std::vector<RocPoint> curve = roc_curve(scores, labels, Collinear::keep);
  // FPR - FNR rises from -1 to 1 along the curve; the EER lies where it passes 0.
  const auto excess = [](const RocPoint& point) { return point.fpr + point.tpr - 1; };
  const auto after =
      std::ranges::find_if(curve, [&](const RocPoint& point) { return excess(point) >= 0; });
  const auto before = after - 1;
  const double share = -excess(*before) / (excess(*after) - excess(*before));
  return before->fpr + share * (after->fpr - before->fpr);
}

std::vector<PrPoint> precision_recall_curve(std::span<const double> scores,
                                            std::span<const int> labels) {
  const Ranking ranking(scores, labels);
  const std::span<const TieGroup> ascending = ranking.groups();
  std::vector<PrPoint> curve;
  double real_above = 0, fake_above = 0;
  for (std::size_t i = ascending.size(); i-- > 0;) {
    real_above += ascending[i].real;
    fake_above += ascending[i].fake;
    curve.push_back({fake_above / ranking.total_fake(), fake_above / (fake_above + real_above),
                     ascending[i].score});
  }
  return curve;
}

Confusion confusion(std::span<const double> scores, std::span<const int> labels, double threshold) {
  check(scores, labels);
  Confusion counts;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool says_fake = scores[i] > threshold;
    if (labels[i] == 1) {
      ++(says_fake ? counts.fake_as_fake : counts.fake_as_real);
    } else {
      ++(says_fake ? counts.real_as_fake : counts.real_as_real);
    }
  }
  return counts;
}

double average_precision(std::span<const double> scores, std::span<const int> labels) {
  const Ranking ranking(scores, labels);
  const std::span<const TieGroup> ascending = ranking.groups();
  double sum = 0, real_above = 0, fake_above = 0;
  for (std::size_t i = ascending.size(); i-- > 0;) {
    real_above += ascending[i].real;
    fake_above += ascending[i].fake;
    sum += ascending[i].fake * (fake_above / (fake_above + real_above));
  }
  return sum / ranking.total_fake();
}

double accuracy(std::span<const double> scores, std::span<const int> labels, double threshold) {
  check(scores, labels);
  const ClassCounts right = right_decisions(scores, labels, threshold);
  return (right.real + right.fake) / static_cast<double>(scores.size());
}

double balanced_accuracy(std::span<const double> scores, std::span<const int> labels,
                         double threshold) {
  const ClassCounts total = check(scores, labels);
  const ClassCounts right = right_decisions(scores, labels, threshold);
  return (right.real / total.real + right.fake / total.fake) / 2;
}

double tpr_at_fpr(std::span<const double> scores, std::span<const int> labels, double max_fpr) {
  double best = 0;
  for (const RocPoint& point : roc_curve(scores, labels, Collinear::keep)) {
    if (point.fpr <= max_fpr) best = std::max(best, point.tpr);
  }
  return best;
}

double brier(std::span<const double> scores, std::span<const int> labels) {
  check(scores, labels);
  check_probabilities(scores, "the Brier score");
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) sum += std::pow(scores[i] - labels[i], 2);
  return sum / static_cast<double>(scores.size());
}

double expected_calibration_error(std::span<const double> scores, std::span<const int> labels,
                                  int bins) {
  check(scores, labels);
  check_probabilities(scores, "the expected calibration error");
  if (bins < 1) {
    throw std::runtime_error("the expected calibration error needs at least one bin, got " +
                             std::to_string(bins));
  }
  std::vector<double> excess(static_cast<std::size_t>(bins), 0.0);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const int bin = std::max(0, static_cast<int>(std::ceil(scores[i] * bins)) - 1);
    excess[static_cast<std::size_t>(bin)] += labels[i] - scores[i];
  }
  const auto add_magnitude = [](double sum, double value) { return sum + std::abs(value); };
  return std::accumulate(excess.begin(), excess.end(), 0.0, add_magnitude) /
         static_cast<double>(scores.size());
}

Metrics evaluate_scores(std::span<const double> scores, std::span<const int> labels) {
  const ClassCounts total = check(scores, labels);
  Metrics metrics;
  metrics.n_real = static_cast<std::int64_t>(total.real);
  metrics.n_fake = static_cast<std::int64_t>(total.fake);
  metrics.auc = auc(scores, labels);
  metrics.eer = eer_sklearn_style(scores, labels);
  metrics.eer_interpolated = eer_interpolated(scores, labels);
  metrics.ap = average_precision(scores, labels);
  metrics.acc = accuracy(scores, labels);
  metrics.bacc = balanced_accuracy(scores, labels);
  metrics.tpr_at_1 = tpr_at_fpr(scores, labels, 0.01);
  metrics.tpr_at_5 = tpr_at_fpr(scores, labels, 0.05);
  metrics.tpr_at_10 = tpr_at_fpr(scores, labels, 0.10);
  metrics.brier = brier(scores, labels);
  metrics.ece = expected_calibration_error(scores, labels);
  return metrics;
}

}  // namespace deepfake
