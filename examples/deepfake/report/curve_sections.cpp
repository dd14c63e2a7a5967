// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace deepfake {
namespace {

struct Scored {
  std::vector<double> scores;
  std::vector<int> labels;

  bool has_both() const {
    return std::ranges::find(labels, 0) != labels.end() &&
           std::ranges::find(labels, 1) != labels.end();
  }
};

/// Frame scores of a domain: its fakes and the reals of its data set.
Scored scores_of(const Run& run, const TestDomain& domain) {
  Scored scored;
  for (const FrameScore& score : run.scores) {
    if (score.dataset != domain.dataset) continue;
    if (score.label == 1 && score.domain != domain.domain) continue;
    scored.scores.push_back(score.prob);
    scored.labels.push_back(score.label);
  }
  return scored;
}

/// The run of a group that its curves show.
const Run& shown_run(const RunGroup& group) { return *group.runs.front(); }

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

/// One curve per domain, for the report of a single method.
std::string curves_of_domains(const Comparison& comparison, const RunGroup& group, bool trained) {
  std::vector<Series> series;
  for (const TestDomain& domain : comparison.domains()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (comparison.is_trained(group, domain) != trained || !scored.has_both()) continue;
    series.push_back({domain.title + " " + fixed(auc(scored.scores, scored.labels)),
                      series.size() + 1, roc_points(scored.scores, scored.labels)});
  }
  if (series.empty()) return "";
  const std::string title = trained ? "Trained on" : "Unseen";
  return figure(title, "frame AUC beside the names",
                roc_chart(series, title + ": ROC curves") + legend(series));
}

/// One curve per method.
std::string curves_of_methods(const Comparison& comparison, const TestDomain& domain) {
  std::vector<Series> series;
  bool trained_by_all = true;
  for (const RunGroup& group : comparison.groups()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (!scored.has_both()) continue;
    trained_by_all = trained_by_all && comparison.is_trained(group, domain);
    series.push_back({group.title + ": frame AUC " + fixed(auc(scored.scores, scored.labels)),
                      style_of(comparison, group), roc_points(scored.scores, scored.labels)});
  }
  if (series.empty()) return "";
  return figure(domain.title, trained_by_all ? "trained on" : "unseen",
                roc_chart(series, "ROC curves on " + domain.title));
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
  std::vector<std::string> figures;
  std::string head;
  if (comparison.groups().size() == 1) {
    for (const bool trained : {true, false}) {
      figures.push_back(curves_of_domains(comparison, comparison.groups().front(), trained));
    }
  } else {
    std::vector<Series> named;
    for (const RunGroup& group : comparison.groups()) {
      named.push_back({group.title, style_of(comparison, group), {}});
    }
    head = legend(named);
    for (const TestDomain& domain : comparison.domains()) {
      figures.push_back(curves_of_methods(comparison, domain));
    }
  }
  std::erase(figures, "");
  if (figures.empty()) return "";
  return section(
      "roc", "ROC curves",
      paragraph("By frame. The dotted diagonal is chance." + remark_on_run(comparison), "muted") +
          head + panels(figures, comparison.groups().size() == 1));
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
