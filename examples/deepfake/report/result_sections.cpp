// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

/// Domains that at least one group has not seen in training.
std::vector<TestDomain> unseen_columns(const Comparison& comparison) {
  std::vector<TestDomain> columns;
  for (const TestDomain& domain : comparison.domains()) {
    const auto trains = [&](const RunGroup& group) { return comparison.is_trained(group, domain); };
    if (!std::ranges::all_of(comparison.groups(), trains)) columns.push_back(domain);
  }
  return columns;
}

bool is_highest(const std::vector<double>& values, std::size_t row) {
  return values.size() > 1 && !std::isnan(values[row]) &&
         std::ranges::none_of(values, [&](double value) { return value > values[row]; });
}

std::string interval_text(const Run& run, const TestDomain& domain, const std::string& level) {
  const EvalRow* row = test_row(run, domain, level);
  if (!row || std::isnan(row->metrics.auc_low)) return "";
  return "95 % interval " + fixed(row->metrics.auc_low) + " to " + fixed(row->metrics.auc_high);
}

/// A row per group and level; the best AUC among groups is bold.
std::string summary_table(const Comparison& comparison, const std::string& caption,
                          const std::vector<std::string>& levels) {
  const std::vector<RunGroup>& groups = comparison.groups();
  const std::vector<TestDomain> unseen = unseen_columns(comparison);
  // Frame and video AUC are easily taken for one another: each number says which it is.
  const std::string level_of_column = levels.size() > 1 ? "" : "<br>" + levels.front() + " AUC";
  // The means first: with many test sets the rest is scrolled to.
  std::vector<Cell> header{{levels.size() > 1 ? "Level" : "Method"},
                           {"Mean unseen" + level_of_column, "num"},
                           {"In-domain" + level_of_column, "num"},
                           {"Seeds", "num"}};
  for (const TestDomain& domain : unseen) {
    const std::string set =
        domain.dataset + (domain.compression.empty() ? "" : ' ' + domain.compression);
    header.push_back(
        {escape(domain.title) + level_of_column + "<br><small>" + escape(set) + "</small>", "num"});
  }
  for (const char* title : {"s/step", "× ERM"}) header.push_back({title, "num"});

  HtmlTable table(caption, header);
  for (const std::string& level : levels) {
    // Values by column and group, so that the best of a column is known before its cells are made.
    std::vector<std::vector<MeanDeviation>> columns(unseen.size() + 2);
    for (const RunGroup& group : groups) {
      columns[0].push_back(comparison.mean_auc(group, false, level));
      columns[1].push_back(comparison.mean_auc(group, true, level));
      for (std::size_t i = 0; i < unseen.size(); ++i) {
        const bool trained = comparison.is_trained(group, unseen[i]);
        columns[i + 2].push_back(trained ? MeanDeviation{}
                                         : comparison.auc(group, unseen[i], level));
      }
    }
    for (std::size_t row = 0; row < groups.size(); ++row) {
      const RunGroup& group = groups[row];
      std::vector<Cell> cells{{escape(levels.size() > 1 ? level + " AUC" : group.title)}};
      for (std::size_t i = 0; i < columns.size(); ++i) {
        std::vector<double> means;
        for (const MeanDeviation& value : columns[i]) means.push_back(value.mean);
        Cell& cell = cells.emplace_back();
        cell = {to_text(columns[i][row]), is_highest(means, row) ? "num best" : "num"};
        if (i == 1) cells.push_back({std::to_string(group.runs.size()), "num"});
        if (i < 2) continue;
        const TestDomain& domain = unseen[i - 2];
        if (comparison.is_trained(group, domain)) {
          cell = {"trained", "num trained"};
        } else if (group.runs.size() == 1) {
          cell.tooltip = interval_text(*group.runs.front(), domain, level);
        }
      }
      cells.push_back({fixed(comparison.step_seconds(group), 3), "num"});
      cells.push_back({fixed(comparison.relative_step_seconds(group), 2), "num"});
      table.add(cells);
    }
  }
  return table.html();
}

std::string card(const std::string& value, const std::string& what) {
  return "<div class=\"card\"><b>" + escape(value) + "</b><span>" + escape(what) + "</span></div>";
}

std::string one_method_cards(const Comparison& comparison, const RunGroup& group) {
  std::string html = "<div class=\"cards\">";
  for (const bool trained : {false, true}) {
    for (const char* level : {frame_level, video_level}) {
      const MeanDeviation value = comparison.mean_auc(group, trained, level);
      if (std::isnan(value.mean)) continue;
      html += card(to_text(value), std::string(level) + " AUC, mean of the " +
                                       (trained ? "trained" : "unseen") + " manipulations");
    }
  }
  const double seconds = comparison.step_seconds(group);
  if (!std::isnan(seconds)) html += card(fixed(seconds, 3) + " s", "per step, median");
  return html + "</div>\n";
}

/// Which method did best on unseen manipulations, and how far that can be trusted.
std::string verdict(const Comparison& comparison) {
  const std::vector<RunGroup>& groups = comparison.groups();
  const auto unseen = [&](const RunGroup& group) {
    const double mean = comparison.mean_auc(group, false, frame_level).mean;
    return std::isnan(mean) ? -1 : mean;
  };
  const auto best = std::ranges::max_element(groups, {}, unseen);
  if (unseen(*best) < 0) return "";
  std::string text = "Highest mean frame AUC on unseen manipulations: " + best->title + ", " +
                     fixed(unseen(*best));
  const auto erm = std::ranges::find(groups, "erm", &RunGroup::method);
  if (erm != groups.end() && erm != best) {
    text += " (ERM " + fixed(unseen(*erm)) + ", difference " + fixed(unseen(*best) - unseen(*erm)) +
            ")";
  }
  const auto few_seeds = [](const RunGroup& group) { return group.runs.size() < 3; };
  if (std::ranges::any_of(groups, few_seeds)) {
    text += ". With fewer than three seeds per method such a difference may be chance";
  }
  return text + '.';
}

std::string remark_on_seeds(const Comparison& comparison) {
  const auto several = [](const RunGroup& group) { return group.runs.size() > 1; };
  return std::ranges::any_of(comparison.groups(), several)
             ? " Values after ± are standard deviations over seeds."
             : "";
}

std::string metrics_table(const Run& run) {
  std::vector<Cell> header{{"Manipulation"}, {"Data set"}, {"Compression"}, {"Level"}};
  for (const char* title : {"Real", "Fake", "AUC", "95 % interval", "EER", "AP", "Acc",
                            "Balanced acc", "TPR @1%", "TPR @5%", "TPR @10%", "Brier", "ECE"}) {
    header.push_back({title, "num"});
  }
  HtmlTable table("", header);
  for (const EvalRow& row : run.evals) {
    // Of several evaluations of the same set, the last counts.
    const TestDomain domain{row.dataset, row.domain, {}, {}, row.compression};
    if (row.split != "test" || test_row(run, domain, row.level) != &row) continue;
    const Metrics& m = row.metrics;
    const bool is_all = row.domain == all_domains;
    const std::string title = is_all ? "all of " + dataset_title(row.dataset, run.config.synthetic)
                                     : domain_title(row.domain, run.config.synthetic);
    const std::string interval =
        std::isnan(m.auc_low) ? "-" : fixed(m.auc_low) + "–" + fixed(m.auc_high);
    std::vector<Cell> cells{{escape(title)},
                            {escape(row.dataset)},
                            {escape(row.compression)},
                            {escape(row.level)},
                            {std::to_string(m.n_real), "num"},
                            {std::to_string(m.n_fake), "num"},
                            {fixed(m.auc), "num"},
                            {interval, "num"}};
    for (const double value :
         {m.eer, m.ap, m.acc, m.bacc, m.tpr_at_1, m.tpr_at_5, m.tpr_at_10, m.brier, m.ece}) {
      cells.push_back({fixed(value), "num"});
    }
    table.add(cells);
  }
  return table.html();
}

}  // namespace

std::size_t style_of(const Comparison& comparison, const RunGroup& group) {
  if (group.method == "erm") return 0;
  std::size_t style = 0;
  for (const RunGroup& other : comparison.groups()) {
    if (other.method != "erm") ++style;
    if (&other == &group) break;
  }
  return style;
}

std::string summary_section(const Comparison& comparison) {
  const std::vector<RunGroup>& groups = comparison.groups();
  if (comparison.domains().empty()) {
    return section("summary", "Summary",
                   paragraph("No test results yet: eval.csv holds no row of the test split."));
  }
  std::string body;
  if (groups.size() == 1) {
    body = one_method_cards(comparison, groups.front()) +
           summary_table(comparison, "", {frame_level, video_level});
  } else {
    body = paragraph(verdict(comparison)) +
           summary_table(comparison, "AUC by frame", {frame_level}) +
           summary_table(comparison, "AUC by video", {video_level});
  }
  body += paragraph(
      "In-domain: mean over the manipulations that the method was trained on. "
      "Unseen: manipulations that it never met." +
          std::string(groups.size() > 1 ? " The best of a column is bold." : "") +
          remark_on_seeds(comparison),
      "muted");
  for (const std::string& overlap : comparison.overlaps())
    body += paragraph(overlap + '.', "muted");
  return section("summary", "Summary", body);
}

std::string heat_map_section(const Comparison& comparison) {
  if (comparison.domains().empty()) return "";
  HeatMap map;
  bool mixed_training = false;
  for (const RunGroup& group : comparison.groups()) {
    mixed_training = mixed_training || group.train_titles != comparison.groups()[0].train_titles;
  }
  for (const TestDomain& domain : comparison.domains()) map.columns.push_back(domain.title);
  for (const RunGroup& group : comparison.groups()) {
    map.rows.push_back(group.title);
    auto& values = map.values.emplace_back();
    auto& outlined = map.outlined.emplace_back();
    for (const TestDomain& domain : comparison.domains()) {
      values.push_back(comparison.auc(group, domain, frame_level).mean);
      outlined.push_back(comparison.is_trained(group, domain));
    }
  }
  std::string remark =
      "Frame AUC of each method (rows) on each manipulation (columns). Framed cells: trained on. "
      "Blue is better than chance, orange worse, pale no better than chance.";
  if (comparison.groups().size() > 1 && !mixed_training &&
      !comparison.groups()[0].train_titles.empty()) {
    remark += " All methods were trained on the same manipulations.";
  }
  return section("transfer", "From training to test",
                 paragraph(remark, "muted") + "<div class=\"scroll\">" +
                     heat_map(map, "Heat map of AUC, methods by manipulations") + "</div>");
}

std::string all_metrics_section(const Comparison& comparison) {
  std::string body;
  const bool single = comparison.groups().size() == 1;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      const std::string seed =
          group.runs.size() > 1 ? ", seed " + std::to_string(run->config.seed) : "";
      body += folded(group.title + seed, metrics_table(*run), single && group.runs.size() == 1);
    }
  }
  return section("measures", "All measures", body);
}

}  // namespace deepfake
