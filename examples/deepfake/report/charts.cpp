// SPDX-License-Identifier: MIT
#include "report/charts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "text/table.hpp"

namespace deepfake {
namespace {

constexpr std::size_t colours = 7;  // besides the neutral one; as in report/style.hpp
constexpr std::size_t dashes = 4;

const std::vector<double> fifths{0, .2, .4, .6, .8, 1};

/// At most three decimals.
std::string short_number(double value) {
  std::string text = fixed(value, 3);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::vector<Point> all_points(const Series& series) {
  std::vector<Point> points = series.points;
  points.insert(points.end(), series.faint.begin(), series.faint.end());
  return points;
}

/// Values to hover over: dots on a line of few points, unseen spots along a line of many.
void add_values(Plot& plot, const Series& series, const std::string& y_label) {
  constexpr std::size_t few = 24;
  const bool is_dotted = series.points.size() <= few;
  const std::size_t stride = is_dotted ? 1 : series.points.size() / few;
  for (std::size_t i = 0; i < series.points.size(); i += stride) {
    const Point& point = series.points[i];
    plot.svg().circle(
        plot.at(point.x, point.y), is_dotted ? 2.4 : 7,
        is_dotted ? "dot " + style_classes(series.style) : "spot",
        series.name + ": " + y_label + ' ' + fixed(point.y) + " at " + short_number(point.x));
  }
}

std::size_t longest(const std::vector<std::string>& names) {
  std::size_t length = 0;
  for (const std::string& name : names) length = std::max(length, name.size());
  return length;
}

}  // namespace

std::string style_classes(std::size_t style) {
  if (style == 0) return "c0 d0";
  const std::size_t n = style - 1;
  return "c" + std::to_string(1 + n % colours) + " d" + std::to_string((n + n / colours) % dashes);
}

std::string legend(std::span<const Series> series) {
  std::string html = "<ul class=\"legend\">";
  for (const Series& one : series) {
    html +=
        "<li><svg viewBox=\"0 0 26 8\" aria-hidden=\"true\"><line x1=\"0\" y1=\"4\" x2=\"26\" "
        "y2=\"4\" class=\"curve " +
        style_classes(one.style) + "\"/></svg>" + escape(one.name) + "</li>";
  }
  return html + "</ul>";
}

std::string line_chart(std::span<const Series> series, const std::string& x_label,
                       const std::string& y_label, const std::string& description,
                       const std::string& faint_name, Range range) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  double left = inf, right = -inf, low = inf, high = -inf;
  for (const Series& one : series) {
    for (const Point& point : all_points(one)) {
      left = std::min(left, point.x);
      right = std::max(right, point.x);
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  if (left > right) return "";
  Axis x = round_axis(x_label, left, right);
  x.low = left;  // no empty strip beside the curves
  x.high = right > left ? right : left + 1;
  std::erase_if(x.ticks, [&](double tick) { return tick < x.low || tick > x.high; });
  const Axis y =
      range == Range::unit ? Axis{y_label, 0, 1, 1, fifths} : round_axis(y_label, low, high);
  Plot plot(400, 260, x, y, description);
  for (const Series& one : series) {
    if (!one.faint.empty()) {
      plot.svg().polyline(plot.at(one.faint), "curve faint " + style_classes(one.style),
                          one.name + ", " + faint_name);
    }
  }
  for (const Series& one : series) {
    plot.svg().polyline(plot.at(one.points), "curve " + style_classes(one.style), one.name);
    add_values(plot, one, y_label);
  }
  return plot.svg().str();
}

std::string roc_chart(std::span<const Series> series, const std::string& description) {
  Plot plot(260, 250, {"false positive rate", 0, 1, 1, fifths},
            {"true positive rate", 0, 1, 1, fifths}, description);
  plot.svg().line(plot.at(0, 0), plot.at(1, 1), "chance", "chance");
  for (const Series& one : series) {
    plot.svg().polyline(plot.at(one.points), "curve " + style_classes(one.style), one.name);
  }
  return plot.svg().str();
}

std::string reliability_chart(std::span<const Series> series, const std::string& description) {
  Plot plot(260, 250, {"score", 0, 1, 1, fifths}, {"share of fakes", 0, 1, 1, fifths}, description);
  plot.svg().line(plot.at(0, 0), plot.at(1, 1), "chance", "calibrated");
  for (const Series& one : series) {
    plot.svg().polyline(plot.at(one.points), "curve " + style_classes(one.style), one.name);
    add_values(plot, one, "share of fakes");
  }
  return plot.svg().str();
}

std::string pr_chart(std::span<const Series> series, const std::string& description) {
  Plot plot(260, 250, {"recall", 0, 1, 1, fifths}, {"precision", 0, 1, 1, fifths}, description);
  for (const Series& one : series) {
    plot.svg().polyline(plot.at(one.points), "curve " + style_classes(one.style), one.name);
  }
  return plot.svg().str();
}

std::string score_histogram(std::span<const double> scores, std::span<const int> labels,
                            const std::string& description) {
  constexpr std::size_t bins = 20;
  std::array<std::array<double, bins>, 2> shares{};
  std::array<double, 2> totals{};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::size_t is_fake = labels[i] == 1 ? 1 : 0;
    const auto bin = static_cast<std::size_t>(std::clamp(scores[i], 0.0, 1.0) * bins);
    shares[is_fake][std::min(bin, bins - 1)] += 1;
    totals[is_fake] += 1;
  }
  double highest = 0;
  for (std::size_t c = 0; c < 2; ++c) {
    for (double& share : shares[c]) {
      share /= std::max(totals[c], 1.0);
      highest = std::max(highest, share);
    }
  }
  Plot plot(260, 200, {"score (probability of fake)", 0, 1, 1, fifths},
            round_axis("share of frames", 0, std::max(highest, .05), 4), description);
  for (std::size_t c = 0; c < 2; ++c) {
    std::vector<Point> outline{{0, 0}};
    for (std::size_t bin = 0; bin < bins; ++bin) {
      outline.push_back({static_cast<double>(bin) / bins, shares[c][bin]});
      outline.push_back({static_cast<double>(bin + 1) / bins, shares[c][bin]});
    }
    outline.push_back({1, 0});
    plot.svg().polygon(plot.at(outline), c == 0 ? "bars real" : "bars fake",
                       std::string(c == 0 ? "real" : "fake") + ": " +
                           std::to_string(static_cast<long>(totals[c])) + " frames");
  }
  plot.svg().line(plot.at(.5, 0), plot.at(.5, 1), "chance", "threshold 0.5");
  return plot.svg().str();
}

std::string heat_map(const HeatMap& map, const std::string& description) {
  constexpr double cell_width = 64, cell_height = 34, letter = 6.6;
  const double left = 16 + letter * static_cast<double>(longest(map.rows));
  const double head = 24 + 0.62 * letter * static_cast<double>(longest(map.columns));
  const double right = 12 + 0.7 * letter * static_cast<double>(longest(map.columns));
  const double width = left + cell_width * static_cast<double>(map.columns.size()) + right;
  const double height = head + cell_height * static_cast<double>(map.rows.size()) + 8;
  Svg svg(width, height, description);
  for (std::size_t column = 0; column < map.columns.size(); ++column) {
    const double x = left + cell_width * (static_cast<double>(column) + .5);
    svg.text({x - 4, head - 10}, map.columns[column], "label", Anchor::start, -38);
  }
  for (std::size_t row = 0; row < map.rows.size(); ++row) {
    const double y = head + cell_height * static_cast<double>(row);
    svg.text({left - 10, y + cell_height / 2 + 4}, map.rows[row], "label", Anchor::end);
    for (std::size_t column = 0; column < map.columns.size(); ++column) {
      const double value = map.values[row][column];
      if (std::isnan(value)) continue;
      const double x = left + cell_width * static_cast<double>(column);
      const double strength = std::min(1.0, std::abs(value - .5) * 2);
      const bool is_outlined = map.outlined[row][column];
      const double inset = is_outlined ? 2.5 : 1;
      svg.rect({x + inset, y + inset}, cell_width - 2 * inset, cell_height - 2 * inset,
               std::string(value >= .5 ? "above" : "below") + (is_outlined ? " outlined" : ""),
               strength, map.rows[row] + " on " + map.columns[column] + ": " + fixed(value));
      svg.text({x + cell_width / 2, y + cell_height / 2 + 4}, fixed(value),
               strength > .6 ? "value strong" : "value");
    }
  }
  return svg.str();
}

namespace {

/// Leaves out points that a screen could not tell from the one before; the last one stays.
std::vector<Point> visible(const std::vector<Point>& points) {
  constexpr double resolution = 1. / 400;
  std::vector<Point> kept;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool is_near = kept.size() > 1 && std::abs(points[i].x - kept.back().x) < resolution &&
                         std::abs(points[i].y - kept.back().y) < resolution;
    if (!is_near || i + 1 == points.size()) kept.push_back(points[i]);
  }
  return kept;
}

}  // namespace

std::vector<Point> roc_points(std::span<const double> scores, std::span<const int> labels) {
  std::vector<Point> points;
  for (const RocPoint& point : roc_curve(scores, labels)) points.push_back({point.fpr, point.tpr});
  return visible(points);
}

std::vector<Point> pr_points(std::span<const double> scores, std::span<const int> labels) {
  std::vector<Point> points;
  for (const PrPoint& point : precision_recall_curve(scores, labels)) {
    points.push_back({point.recall, point.precision});
  }
  return visible(points);
}

std::vector<Point> thinned(std::span<const Point> points, std::size_t max_points) {
  const std::size_t bucket =
      std::max<std::size_t>(1, (points.size() + max_points - 1) / max_points);
  std::vector<Point> result;
  for (std::size_t begin = 0; begin < points.size(); begin += bucket) {
    const auto part = points.subspan(begin, std::min(bucket, points.size() - begin));
    Point mean;
    for (const Point& point : part) {
      mean.x += point.x / static_cast<double>(part.size());
      mean.y += point.y / static_cast<double>(part.size());
    }
    result.push_back(mean);
  }
  return result;
}

std::vector<Point> smoothed(std::span<const Point> points, double weight) {
  std::vector<Point> result;
  double average = 0;
  for (const Point& point : points) {
    average = result.empty() ? point.y : weight * average + (1 - weight) * point.y;
    result.push_back({point.x, average});
  }
  return result;
}

}  // namespace deepfake
