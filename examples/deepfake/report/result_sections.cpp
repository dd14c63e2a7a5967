// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/table.hpp"

namespace deepfake {
namespace {

using Values = std::vector<MeanDeviation>;

/// Domains that at least one group has not seen in training.
std::vector<TestDomain> unseen_columns(const Comparison& comparison) {
  std::vector<TestDomain> columns;
  for (const TestDomain& domain : comparison.domains()) {
    const auto trains = [&](const RunGroup& group) { return comparison.is_trained(group, domain); };
    if (!std::ranges::all_of(comparison.groups(), trains)) columns.push_back(domain);
  }
  return columns;
}

double highest(const Values& values) {
  double best = -1;
  for (const MeanDeviation& value : values) {
    if (!std::isnan(value.mean)) best = std::max(best, value.mean);
  }
  return best;
}

Cell value_cell(const MeanDeviation& value, bool is_best) {
  return {to_text(value), is_best ? "num best" : "num"};
}

std::string interval_text(const Run& run, const TestDomain& domain, const std::string& level) {
  const EvalRow* row = test_row(run, domain, level);
  if (!row || std::isnan(row->metrics.auc_low)) return "";
  return "95 % interval " + fixed(row->metrics.auc_low) + " to " + fixed(row->metrics.auc_high);
}

std::string summary_table(const Comparison& comparison, const std::string& level) {
  const std::vector<RunGroup>& groups = comparison.groups();
  const std::vector<TestDomain> unseen = unseen_columns(comparison);
  std::vector<Cell> header{{"Method"}, {"Seeds", "num"}, {"In-domain", "num"}};
  for (const TestDomain& domain : unseen) header.push_back({escape(domain.title), "num"});
  for (const char* title : {"Mean unseen", "s/step", "× ERM"}) header.push_back({title, "num"});

  const auto column = [&](auto&& value_of) {
    Values values;
    for (const RunGroup& group : groups) values.push_back(value_of(group));
    return values;
  };
  const Values trained =
      column([&](const RunGroup& g) { return comparison.mean_auc(g, true, level); });
  const Values mean_unseen =
      column([&](const RunGroup& g) { return comparison.mean_auc(g, false, level); });
  std::vector<Values> per_domain;
  for (const TestDomain& domain : unseen) {
    per_domain.push_back(column([&](const RunGroup& g) {
      return comparison.is_trained(g, domain) ? MeanDeviation{} : comparison.auc(g, domain, level);
    }));
  }
  const auto is_best = [&](const Values& values, std::size_t row) {
    return groups.size() > 1 && values[row].mean == highest(values);
  };

  HtmlTable table("AUC by " + level, header);
  for (std::size_t row = 0; row < groups.size(); ++row) {
    const RunGroup& group = groups[row];
    std::vector<Cell> cells{{escape(group.title)},
                            {std::to_string(group.runs.size()), "num"},
                            value_cell(trained[row], is_best(trained, row))};
    for (std::size_t i = 0; i < unseen.size(); ++i) {
      if (comparison.is_trained(group, unseen[i])) {
        cells.push_back({"trained", "num trained"});
        continue;
      }
      Cell cell = value_cell(per_domain[i][row], is_best(per_domain[i], row));
      if (group.runs.size() == 1) {
        cell.tooltip = interval_text(*group.runs.front(), unseen[i], level);
      }
      cells.push_back(cell);
    }
    cells.push_back(value_cell(mean_unseen[row], is_best(mean_unseen, row)));
    cells.push_back({fixed(comparison.step_seconds(group), 3), "num"});
    cells.push_back({fixed(comparison.relative_step_seconds(group), 2), "num"});
    table.add(cells);
  }
  return table.html();
}

std::string card(const std::string& value, const std::string& what) {
  return "<div class=\"card\"><b>" + escape(value) + "</b><span>" + escape(what) + "</span></div>";
}

std::string one_method_cards(const Comparison& comparison, const RunGroup& group) {
  std::string html = "<div class=\"cards\">";
  for (const bool trained : {true, false}) {
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
  const auto seeds = [](const RunGroup& group) { return group.runs.size(); };
  const std::size_t fewest = seeds(*std::ranges::min_element(groups, {}, seeds));
  if (fewest < 3) {
    text += ". With " + std::string(fewest == 1 ? "one seed" : "two seeds") +
            " per method, a difference may be chance";
  }
  return text + '.';
}

std::string remark_on_seeds(const Comparison& comparison) {
  const auto several = [](const RunGroup& group) { return group.runs.size() > 1; };
  return std::ranges::any_of(comparison.groups(), several)
             ? " Values after ± are standard deviations over seeds."
             : "";
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
  std::string body = groups.size() == 1 ? one_method_cards(comparison, groups.front())
                                        : paragraph(verdict(comparison));
  body += summary_table(comparison, frame_level) + summary_table(comparison, video_level);
  body += paragraph(
      "In-domain: mean over the manipulations that the method was trained on. "
      "Unseen: manipulations that it never met." +
          std::string(groups.size() > 1 ? " The best of a column is bold." : "") +
          remark_on_seeds(comparison),
      "muted");
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
  if (!mixed_training && !comparison.groups()[0].train_titles.empty()) {
    remark += " All methods were trained on the same manipulations.";
  }
  return section("transfer", "From training to test",
                 paragraph(remark, "muted") + "<div class=\"scroll\">" +
                     heat_map(map, "Heat map of AUC, methods by manipulations") + "</div>");
}

std::string all_metrics_section(const Comparison& comparison) {
  std::string body;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      std::vector<Cell> header{{"Data set"}, {"Manipulation"}, {"Level"}};
      for (const char* title : {"Real", "Fake", "AUC", "95 % interval", "EER", "AP", "Acc",
                                "Balanced acc", "TPR@1%", "TPR@5%", "TPR@10%", "Brier", "ECE"}) {
        header.push_back({title, "num"});
      }
      HtmlTable table("", header);
      for (const EvalRow& row : run->evals) {
        // Of several evaluations of the same set, the last counts.
        const TestDomain domain{row.dataset, row.domain, ""};
        if (row.split != "test" || test_row(*run, domain, row.level) != &row) continue;
        const Metrics& m = row.metrics;
        const std::string interval =
            std::isnan(m.auc_low) ? "-" : fixed(m.auc_low) + " to " + fixed(m.auc_high);
        const std::string manipulation = row.domain == all_domains
                                             ? "all together"
                                             : domain_title(row.domain, run->config.synthetic);
        std::vector<Cell> cells{{escape(dataset_title(row.dataset, run->config.synthetic))},
                                {escape(manipulation)},
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
      const std::string title =
          group.title +
          (group.runs.size() > 1 ? ", seed " + std::to_string(run->config.seed) : std::string());
      body +=
          folded(title, table.html(), comparison.groups().size() == 1 && group.runs.size() == 1);
    }
  }
  return section("measures", "All measures", body);
}

}  // namespace deepfake
