// SPDX-License-Identifier: MIT
#include "report/paired.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "files/csv.hpp"
#include "metrics/paired.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

using Scores = std::vector<FrameScore>;

bool has_both_classes(const Scores& scores, const TestDomain& domain) {
  bool real = false, fake = false;
  for (const FrameScore& score : scores) {
    if (score.dataset != domain.dataset) continue;
    real = real || score.label == 0;
    fake = fake || (score.label == 1 && score.domain == domain.domain);
  }
  return real && fake;
}

/// The AUCs of a group's runs on one manipulation; none unless all runs were tested on it with the
/// same frames.
std::vector<ResampledAuc> aucs_of(const RunGroup& group, const TestDomain& domain,
                                  const std::string& level, const Bootstrap& bootstrap) {
  std::vector<ResampledAuc> aucs;
  for (const Run* run : group.runs) {
    Scores scores = level == video_level ? video_scores(run->scores) : run->scores;
    std::erase_if(scores, [&](const FrameScore& score) {
      return score.dataset != domain.dataset || score.compression != domain.compression;
    });
    if (!has_both_classes(scores, domain)) return {};
    aucs.push_back(resampled_auc(scores, domain.dataset, domain.domain, bootstrap));
    if (aucs.back().test != aucs.front().test) return {};
  }
  return aucs;
}

/// Tests of one level, by group and manipulation, each worked out once.
class Aucs {
 public:
  Aucs(const Comparison& comparison, const std::string& level, const Bootstrap& bootstrap)
      : comparison_(comparison), level_(level), bootstrap_(bootstrap) {}

  const std::vector<ResampledAuc>& of(const RunGroup& group, std::size_t domain) {
    const auto [found, is_new] = aucs_.try_emplace({&group, domain});
    if (is_new) {
      found->second = aucs_of(group, comparison_.domains()[domain], level_, bootstrap_);
    }
    return found->second;
  }

 private:
  const Comparison& comparison_;
  std::string level_;
  Bootstrap bootstrap_;
  std::map<std::pair<const RunGroup*, std::size_t>, std::vector<ResampledAuc>> aucs_;
};

void append(std::vector<ResampledAuc>& to, const std::vector<ResampledAuc>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add_rows(std::vector<PairedRow>& rows, const Comparison& comparison, const RunGroup& group,
              const RunGroup& baseline, const std::string& level, Aucs& aucs,
              const Bootstrap& bootstrap) {
  std::vector<ResampledAuc> unseen, unseen_of_baseline;
  std::vector<TestedForgery> in_mean;
  for (std::size_t d = 0; d < comparison.domains().size(); ++d) {
    const TestDomain& domain = comparison.domains()[d];
    const auto &first = aucs.of(group, d), &second = aucs.of(baseline, d);
    if (first.empty() || second.empty() || first.front().test != second.front().test) continue;
    const bool trained = comparison.is_trained(group, domain);
    rows.push_back({group.title, baseline.title, level, domain.dataset, domain.title, trained,
                    paired_difference(first, second, bootstrap), 1, domain.compression});
    if (trained || comparison.is_trained(baseline, domain)) continue;
    const auto counts_already = [&](const TestedForgery& one) {
      return is_same(one, manipulation_of(domain));
    };
    if (std::ranges::any_of(in_mean, counts_already)) continue;
    in_mean.push_back(manipulation_of(domain));
    append(unseen, first);
    append(unseen_of_baseline, second);
  }
  if (in_mean.size() < 2) return;
  rows.push_back({group.title, baseline.title, level, "", mean_of_unseen, false,
                  paired_difference(unseen, unseen_of_baseline, bootstrap)});
}

/// Every test (manipulation, level, baseline) is made once per method.
void adjust(std::vector<PairedRow>& rows) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::vector<PairedRow*>>
      families;
  for (PairedRow& row : rows) {
    families[{row.baseline, row.level, row.dataset, row.title}].push_back(&row);
  }
  for (auto& [test, members] : families) {
    std::vector<double> p_values;
    for (const PairedRow* row : members) p_values.push_back(row->auc.p_value);
    const std::vector<double> adjusted = holm(p_values);
    for (std::size_t i = 0; i < members.size(); ++i) members[i]->holm_p = adjusted[i];
  }
}

std::string with_sign(double value) { return (value > 0 ? "+" : "") + fixed(value); }

std::string interval(const PairedRow& row, const char* to) {
  return with_sign(row.auc.interval.low) + to + with_sign(row.auc.interval.high);
}

template <class IsShown>
std::string difference_table(const std::vector<PairedRow>& rows, const std::string& caption,
                             IsShown is_shown) {
  HtmlTable table(caption, {{"Method"},
                            {"Against"},
                            {"Manipulation"},
                            {"Data set"},
                            {"Compression"},
                            {"Trained on"},
                            {"AUC by"},
                            {"Difference", "num"},
                            {"95 % interval", "num"},
                            {"p", "num"},
                            {"p (Holm)", "num"}});
  for (const PairedRow& row : rows) {
    if (!is_shown(row)) continue;
    table.add({{escape(row.method)},
               {escape(row.baseline)},
               {escape(row.title)},
               {escape(row.dataset)},
               {escape(row.compression)},
               {row.trained ? "yes" : "no"},
               {row.level},
               {with_sign(row.auc.difference), row.holm_p < .05 ? "num best" : "num"},
               {interval(row, " to "), "num"},
               {fixed(row.auc.p_value), "num"},
               {fixed(row.holm_p), "num"}});
  }
  return table.html();
}

}  // namespace

const RunGroup* baseline_of(const Comparison& comparison, const RunGroup& group) {
  const RunGroup* first = nullptr;
  for (const RunGroup& other : comparison.groups()) {
    const bool same_training =
        other.train_titles == group.train_titles &&
        other.runs.front()->config.train_datasets == group.runs.front()->config.train_datasets;
    if (!same_training) continue;
    if (!first || (other.method == "erm" && first->method != "erm")) first = &other;
  }
  return first == &group ? nullptr : first;
}

std::vector<PairedRow> paired_rows(const Comparison& comparison, const Bootstrap& bootstrap) {
  std::vector<PairedRow> rows;
  for (const char* level : {frame_level, video_level}) {
    Aucs aucs(comparison, level, bootstrap);
    for (const RunGroup& group : comparison.groups()) {
      const RunGroup* baseline = baseline_of(comparison, group);
      if (baseline) add_rows(rows, comparison, group, *baseline, level, aucs, bootstrap);
    }
  }
  adjust(rows);
  return rows;
}

std::string paired_text(const std::vector<PairedRow>& rows, const std::string& level,
                        std::size_t width) {
  const auto against_first = [&](const PairedRow& row) {
    return row.baseline == rows.front().baseline;
  };
  // A column that says the same in every row goes where there is little room.
  const bool has_baselines = width == 0 || !std::ranges::all_of(rows, against_first);
  std::vector<std::string> header{"method"};
  if (has_baselines) header.push_back("against");
  header.insert(header.end(),
                {"manipulation", "trained", level + " AUC", "95 % interval", "p", "p (Holm)"});
  Table table(header);
  std::string method;
  for (const PairedRow& row : rows) {
    if (row.level != level) continue;
    if (!method.empty() && row.method != method) table.add_rule();
    method = row.method;
    std::vector<std::string> cells{row.method};
    if (has_baselines) cells.push_back(row.baseline);
    cells.insert(cells.end(), {row.title, row.trained ? "yes" : "no", with_sign(row.auc.difference),
                               interval(row, " to "), fixed(row.auc.p_value), fixed(row.holm_p)});
    table.add(std::move(cells));
  }
  const std::string text = table.text(width, has_baselines ? 3 : 2);
  return has_baselines ? text : "against " + rows.front().baseline + ":\n" + text;
}

void write_paired(const std::vector<PairedRow>& rows, const std::filesystem::path& file) {
  CsvTable table{file,
                 {"method", "baseline", "level", "dataset", "manipulation", "trained", "difference",
                  "low", "high", "p", "p_holm"},
                 {}};
  for (const PairedRow& row : rows) {
    table.rows.push_back({row.method, row.baseline, row.level, row.dataset, row.title,
                          row.trained ? "1" : "0", to_csv(row.auc.difference),
                          to_csv(row.auc.interval.low), to_csv(row.auc.interval.high),
                          to_csv(row.auc.p_value), to_csv(row.holm_p)});
  }
  write_csv(table);
}

std::string paired_section(const Comparison& comparison) {
  const std::vector<PairedRow> rows = paired_rows(comparison);
  if (rows.empty()) return "";
  const auto is_mean = [](const PairedRow& row) { return row.title == mean_of_unseen; };
  std::string body = paragraph(
      "AUC of each method minus that of the baseline, by bootstrap over the test videos; AUCs are "
      "means over seeds. Bold: p below 0.05 after Holm's adjustment for the number of methods. "
      "Intervals and p say how far other test videos would change this; that other seeds would "
      "change it, too, is not in them.",
      "muted");
  const bool has_means = std::ranges::any_of(rows, is_mean);
  if (has_means) body += difference_table(rows, "", is_mean);
  std::string tables;
  for (const std::string level : {frame_level, video_level}) {
    tables += difference_table(rows, "Difference in " + level + " AUC", [&](const PairedRow& row) {
      return row.level == level && !is_mean(row);
    });
  }
  return section("paired", "Against the baseline",
                 body + folded("By manipulation", tables, !has_means));
}

}  // namespace deepfake
