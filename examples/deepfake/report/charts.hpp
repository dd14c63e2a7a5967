// SPDX-License-Identifier: MIT
// The report's charts, as SVG text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "metrics/metrics.hpp"
#include "report/svg.hpp"

namespace deepfake {

/// A line of a chart. Colour and dashes are numbers into the page's palette: lines stay apart in
/// grey print, too.
struct Series {
  std::string name;
  std::size_t style = 0;
  std::vector<Point> points;
  std::vector<Point> faint = {};  ///< drawn behind, unsmoothed
};

/// CSS classes of a style number. Style 0 is neutral: the baseline.
std::string style_classes(std::size_t style);

/// Names beside a sample of their line, as an HTML list.
std::string legend(std::span<const Series> series);

/// Whether the vertical axis begins at 0 and ends at 1, or covers the values. Where it does not
/// begin at 0, a break marks it.
enum class Range { of_values, unit };

/// @param faint_name what the faint lines show, for those who hover over one
std::string line_chart(std::span<const Series> series, const std::string& x_label,
                       const std::string& y_label, const std::string& description,
                       const std::string& faint_name = "not smoothed",
                       Range range = Range::of_values);

/// Share of fakes over score, beside the diagonal.
std::string reliability_chart(std::span<const Series> series, const std::string& description);

/// ROC curves over the diagonal of chance. The series' points are (FPR, TPR).
std::string roc_chart(std::span<const Series> series, const std::string& description);

/// Precision-recall curves. The series' points are (recall, precision).
std::string pr_chart(std::span<const Series> series, const std::string& description);

/// Shares of the reals and of the fakes over their scores, in 20 bins.
std::string score_histogram(std::span<const double> scores, std::span<const int> labels,
                            const std::string& description);

struct HeatMap {
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<std::vector<double>> values;  ///< AUC; NaN leaves the cell empty
  std::vector<std::vector<bool>> outlined;  ///< cells with a frame around them
};
/// AUC around chance: the further above .5 the bluer, the further below the more orange.
std::string heat_map(const HeatMap& map, const std::string& description);

/// ROC points as a series, thinned to what a screen can show.
std::vector<Point> roc_points(std::span<const double> scores, std::span<const int> labels);

/// Points of the precision-recall curve, thinned likewise.
std::vector<Point> pr_points(std::span<const double> scores, std::span<const int> labels);

/// Means over buckets of steps, so that no chart has more than @p max_points points.
std::vector<Point> thinned(std::span<const Point> points, std::size_t max_points);

/// Exponential moving average that starts at the first value.
std::vector<Point> smoothed(std::span<const Point> points, double weight);

}  // namespace deepfake
