// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/scored.hpp"
#include "report/sections.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

std::string remark_on_run(const Comparison& comparison) {
  for (const RunGroup& group : comparison.groups()) {
    if (group.runs.size() > 1) return " Of several seeds, the first run is shown.";
  }
  return "";
}

/// Smoothed over a twenty-fifth of the curve, however many points it has.
std::vector<Point> smoothed_curve(std::span<const Point> points) {
  const auto count = static_cast<double>(points.size());
  return smoothed(points, count / (count + 25));
}

/// Runs of a group that come after its first are drawn in the same style, without a name.
struct Lines {
  std::vector<Series> named;
  std::vector<Series> all;
};

template <class PointsOf>
Lines lines_of(const Comparison& comparison, PointsOf points_of) {
  Lines lines;
  for (const RunGroup& group : comparison.groups()) {
    bool is_first = true;
    for (const Run* run : group.runs) {
      const std::vector<Point> points = points_of(*run);
      if (points.empty()) continue;
      Series series{group.title, style_of(comparison, group), points};
      if (is_first) lines.named.push_back(series);
      is_first = false;
      lines.all.push_back(std::move(series));
    }
  }
  return lines;
}

Lines loss_lines(const Comparison& comparison) {
  Lines lines = lines_of(comparison, [](const Run& run) {
    std::vector<Point> points;
    for (const HistoryRow& row : run.history) {
      points.push_back({static_cast<double>(row.step), row.loss});
    }
    return points;
  });
  for (Series& series : lines.all) {
    const std::vector<Point> raw = thinned(series.points, 400);
    series.points = smoothed_curve(raw);
    if (lines.all.size() <= 2) series.faint = raw;  // more would hide the curves
  }
  return lines;
}

/// Loss of each manipulation, from the history's columns "loss NAME".
std::vector<Series> domain_loss_lines(const Run& run) {
  const std::string prefix = "loss ";
  std::map<std::string, std::vector<Point>> points;
  for (const HistoryRow& row : run.history) {
    for (const auto& [column, value] : row.extra) {
      if (!column.starts_with(prefix)) continue;
      const std::string title = domain_title(column.substr(prefix.size()), run.config.synthetic);
      points[title].push_back({static_cast<double>(row.step), value});
    }
  }
  std::vector<Series> lines;
  for (const auto& [title, raw] : points) {
    lines.push_back({title, lines.size() + 1, smoothed_curve(thinned(raw, 400))});
  }
  return lines;
}

/// Mean frame AUC over the validation domains, by epoch.
Lines validation_lines(const Comparison& comparison) {
  return lines_of(comparison, [](const Run& run) {
    std::map<std::int64_t, std::pair<double, double>> sums;
    for (const EvalRow& row : run.evals) {
      if (row.split != "val" || row.level != frame_level || row.domain == all_domains) continue;
      auto& [sum, count] = sums[row.epoch];
      sum += row.metrics.auc;
      count += 1;
    }
    std::vector<Point> points;
    for (const auto& [epoch, sum] : sums) {
      points.push_back({static_cast<double>(epoch), sum.first / sum.second});
    }
    return points;
  });
}

/// What ROC and precision-recall sections differ in.
struct CurveKind {
  const char* name;     ///< ROC
  const char* measure;  ///< the number beside each name
  double (*value)(std::span<const double>, std::span<const int>);
  std::vector<Point> (*points)(std::span<const double>, std::span<const int>);
  std::string (*chart)(std::span<const Series>, const std::string&);
};
constexpr CurveKind roc{"ROC", "frame AUC", auc, roc_points, roc_chart};
constexpr CurveKind precision_recall{"Precision-recall", "frame AP", average_precision, pr_points,
                                     pr_chart};

/// One curve per domain, for the report of a single method.
std::string curves_of_domains(const CurveKind& kind, const Comparison& comparison,
                              const RunGroup& group, bool trained) {
  std::vector<Series> series;
  for (const TestDomain& domain : comparison.domains()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (comparison.is_trained(group, domain) != trained || !scored.has_both()) continue;
    series.push_back({domain.title + " " + fixed(kind.value(scored.scores, scored.labels)),
                      series.size() + 1, kind.points(scored.scores, scored.labels)});
  }
  if (series.empty()) return "";
  const std::string title = trained ? "Trained on" : "Unseen";
  return figure(title, std::string(kind.measure) + " beside the names",
                kind.chart(series, title + ": " + kind.name + " curves") + legend(series));
}

/// One curve per method.
std::string curves_of_methods(const CurveKind& kind, const Comparison& comparison,
                              const TestDomain& domain) {
  std::vector<Series> series;
  bool trained_by_all = true;
  for (const RunGroup& group : comparison.groups()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (!scored.has_both()) continue;
    trained_by_all = trained_by_all && comparison.is_trained(group, domain);
    series.push_back(
        {group.title + ": " + kind.measure + " " + fixed(kind.value(scored.scores, scored.labels)),
         style_of(comparison, group), kind.points(scored.scores, scored.labels)});
  }
  if (series.empty()) return "";
  return figure(domain.title, trained_by_all ? "trained on" : "unseen",
                kind.chart(series, std::string(kind.name) + " curves on " + domain.title));
}

/// The legend and a panel for each domain or method; empty without scores.
std::string curves(const CurveKind& kind, const Comparison& comparison) {
  std::vector<std::string> figures;
  std::string head;
  const bool single = comparison.groups().size() == 1;
  if (single) {
    for (const bool trained : {true, false}) {
      figures.push_back(curves_of_domains(kind, comparison, comparison.groups().front(), trained));
    }
  } else {
    std::vector<Series> named;
    for (const RunGroup& group : comparison.groups()) {
      named.push_back({group.title, style_of(comparison, group), {}});
    }
    head = legend(named);
    for (const TestDomain& domain : comparison.domains()) {
      figures.push_back(curves_of_methods(kind, comparison, domain));
    }
  }
  std::erase(figures, "");
  return figures.empty() ? "" : head + panels(figures, single);
}

/// Right and wrong decisions at 0.5 by class.
std::string decisions_table(const Comparison& comparison, const RunGroup& group) {
  HtmlTable table(group.title + ": frames by class and verdict at the threshold 0.5",
                  {{"Manipulation"},
                   {"Data set"},
                   {"Compression"},
                   {"real as real", "num"},
                   {"real as fake", "num"},
                   {"fake as real", "num"},
                   {"fake as fake", "num"},
                   {"false alarms", "num"},
                   {"fakes caught", "num"}});
  bool any = false;
  for (const TestDomain& domain : comparison.domains()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (!scored.has_both()) continue;
    any = true;
    const Confusion counts = confusion(scored.scores, scored.labels);
    const auto share = [](std::int64_t part, std::int64_t other) {
      return fixed(static_cast<double>(part) / static_cast<double>(part + other));
    };
    table.add({{escape(domain.title)},
               {escape(domain.dataset)},
               {escape(domain.compression)},
               {std::to_string(counts.real_as_real), "num"},
               {std::to_string(counts.real_as_fake), "num"},
               {std::to_string(counts.fake_as_real), "num"},
               {std::to_string(counts.fake_as_fake), "num"},
               {share(counts.real_as_fake, counts.real_as_real), "num"},
               {share(counts.fake_as_fake, counts.fake_as_real), "num"}});
  }
  return any ? table.html() : "";
}

std::string histograms_of(const Comparison& comparison, const RunGroup& group) {
  std::vector<std::string> figures;
  for (const TestDomain& domain : comparison.domains()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (!scored.has_both()) continue;
    figures.push_back(figure(domain.title,
                             comparison.is_trained(group, domain) ? "trained on" : "unseen",
                             score_histogram(scored.scores, scored.labels,
                                             "Scores of real and fake frames, " + domain.title)));
  }
  return figures.empty() ? "" : panels(figures);
}

}  // namespace

std::string training_section(const Comparison& comparison) {
  std::vector<std::string> figures;
  const Lines loss = loss_lines(comparison);
  const Lines validation = validation_lines(comparison);
  if (const std::string chart = line_chart(loss.all, "step", "training loss", "Training loss");
      !chart.empty()) {
    figures.push_back(figure("Training loss", "smoothed", chart));
  }
  if (const std::string chart =
          line_chart(validation.all, "epoch", "mean frame AUC", "Validation AUC by epoch");
      !chart.empty()) {
    figures.push_back(figure("Validation AUC", "mean of the manipulations", chart));
  }
  if (comparison.groups().size() == 1) {
    const auto lines = domain_loss_lines(shown_run(comparison.groups().front()));
    const std::string chart = line_chart(lines, "step", "training loss", "Loss by manipulation");
    if (!chart.empty()) {
      figures.push_back(figure("Loss by manipulation", "smoothed", chart + legend(lines)));
    }
  }
  if (figures.empty()) return "";
  const auto& named = loss.named.empty() ? validation.named : loss.named;
  return section("training", "Training",
                 (named.size() > 1 ? legend(named) : std::string()) + panels(figures, true));
}

std::string roc_section(const Comparison& comparison) {
  const std::string charts = curves(roc, comparison);
  if (charts.empty()) return "";
  std::string decisions;
  for (const RunGroup& group : comparison.groups()) {
    decisions += decisions_table(comparison, group);
  }
  return section(
      "roc", "ROC curves",
      paragraph("By frame. The dotted diagonal is chance." + remark_on_run(comparison), "muted") +
          charts +
          folded("Precision-recall curves",
                 paragraph("By frame. Precision depends on the share of fakes among the frames, "
                           "which is the test set's and not the world's.",
                           "muted") +
                     curves(precision_recall, comparison),
                 false) +
          folded("Decisions at the threshold 0.5", decisions, false));
}

std::string histogram_section(const Comparison& comparison) {
  std::string body;
  const bool single = comparison.groups().size() == 1;
  for (const RunGroup& group : comparison.groups()) {
    const std::string histograms = histograms_of(comparison, group);
    if (histograms.empty()) continue;
    body += single ? histograms
                   : folded(group.title, histograms, &group == &comparison.groups().front());
  }
  if (body.empty()) return "";
  return section(
      "scores", "Scores",
      paragraph("Shares of the real and of the fake frames by score. The dotted line is the "
                "threshold 0.5 of accuracy." +
                    remark_on_run(comparison),
                "muted") +
          "<ul class=\"legend\"><li><i class=\"swatch real\"></i>real</li>"
          "<li><i class=\"swatch fake\"></i>fake</li></ul>" +
          body);
}

}  // namespace deepfake
