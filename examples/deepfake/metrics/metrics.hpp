// SPDX-License-Identifier: MIT
// Measures of a detector's scores: the higher the score, the more likely a fake (label 1).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace deepfake {

/// Area under the ROC curve: the probability that a fake scores above a real, ties counting half.
/// Worked out from mid-ranks, which equals the trapezoid area over the ROC curve.
/// @throws std::runtime_error if there is no real, no fake, a score that is not finite, a label
/// other than 0 and 1, or unequal numbers of scores and labels; so do all measures below.
double auc(std::span<const double> scores, std::span<const int> labels);

/// A point of the ROC curve: the rates at "score >= threshold".
struct RocPoint {
  double fpr = 0;
  double tpr = 0;
  double threshold = 0;
};

enum class Collinear { keep, drop };

/// From (0, 0) at threshold +infinity to (1, 1), one point per distinct score. Collinear::drop
/// leaves out what scikit-learn's drop_intermediate does: points with the same step before and
/// after. The curve stays the same.
std::vector<RocPoint> roc_curve(std::span<const double> scores, std::span<const int> labels,
                                Collinear collinear = Collinear::drop);

/// Equal error rate as scikit-learn users compute it: the FPR of the first point of the ROC curve
/// (collinear points dropped) where |FNR - FPR| is smallest. Nothing is interpolated. Scores that
/// are all equal give 0, for their curve has but the points (0, 0) and (1, 1): read it beside the
/// AUC.
double eer_sklearn_style(std::span<const double> scores, std::span<const int> labels);

/// Equal error rate where the ROC curve, straight between its points, meets FNR = FPR.
double eer_interpolated(std::span<const double> scores, std::span<const int> labels);

/// Average precision: sum over distinct scores of (R_n - R_{n-1}) P_n, not interpolated.
double average_precision(std::span<const double> scores, std::span<const int> labels);

/// A point of the precision-recall curve: the shares at "score >= threshold".
struct PrPoint {
  double recall = 0;
  double precision = 1;
  double threshold = 0;
};
/// One point per distinct score, the highest first; average_precision is the area of its steps.
std::vector<PrPoint> precision_recall_curve(std::span<const double> scores,
                                            std::span<const int> labels);

/// Decisions of "score > threshold" by class.
struct Confusion {
  std::int64_t real_as_real = 0;
  std::int64_t real_as_fake = 0;
  std::int64_t fake_as_real = 0;
  std::int64_t fake_as_fake = 0;
};
Confusion confusion(std::span<const double> scores, std::span<const int> labels,
                    double threshold = 0.5);

/// Share of right decisions when "score > threshold" says fake.
double accuracy(std::span<const double> scores, std::span<const int> labels,
                double threshold = 0.5);

/// Mean of the shares of right decisions among reals and among fakes.
double balanced_accuracy(std::span<const double> scores, std::span<const int> labels,
                         double threshold = 0.5);

/// Largest TPR among the ROC curve's points whose FPR is at most @p max_fpr. Nothing is
/// interpolated: it is the rate of a threshold that can be set.
double tpr_at_fpr(std::span<const double> scores, std::span<const int> labels, double max_fpr);

/// Mean squared difference between score and label. Scores must be probabilities, in [0, 1].
double brier(std::span<const double> scores, std::span<const int> labels);

/// Expected calibration error over bins of equal width, ((b-1)/bins, b/bins], 0 in the first:
/// sum of |share of fakes - mean score| weighted by the share of samples in the bin. Scores must be
/// probabilities, in [0, 1].
double expected_calibration_error(std::span<const double> scores, std::span<const int> labels,
                                  int bins = 15);

/// All measures of one set of scores.
struct Metrics {
  std::int64_t n_real = 0;
  std::int64_t n_fake = 0;
  double auc = 0;
  /// Confidence interval of auc (metrics/bootstrap.hpp); NaN where none was worked out.
  double auc_low = std::numeric_limits<double>::quiet_NaN();
  double auc_high = std::numeric_limits<double>::quiet_NaN();
  double eer = 0;  ///< eer_sklearn_style, the one that papers print
  double eer_interpolated = 0;
  double ap = 0;
  double acc = 0;
  double bacc = 0;
  double tpr_at_1 = 0;
  double tpr_at_5 = 0;
  double tpr_at_10 = 0;
  double brier = 0;
  double ece = 0;
};

/// Everything but the confidence interval.
Metrics evaluate_scores(std::span<const double> scores, std::span<const int> labels);

}  // namespace deepfake
