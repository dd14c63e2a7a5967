// SPDX-License-Identifier: MIT
// How far the results can be trusted, and what data they lack.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "files/left_out.hpp"
#include "report/html.hpp"
#include "report/scored.hpp"
#include "report/sections.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

/// Fewer real or fake videos than this leave an AUC uncertain by a tenth and more.
constexpr std::int64_t few_videos = 50;

struct TestSize {
  std::int64_t real = 0;
  std::int64_t fake = 0;
};

std::string list_item(const std::string& text) { return "<li>" + escape(text) + "</li>\n"; }

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

/// Notes that training made of the data: on splits, and on people in several of them.
std::set<std::string> notes_of(const Comparison& comparison) {
  std::set<std::string> notes;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      const auto found = run->config.all.find("notes");
      if (found == run->config.all.end() || !found->is_array()) continue;
      for (const auto& note : *found) {
        if (note.is_string()) notes.insert(note.get<std::string>());
      }
    }
  }
  return notes;
}

std::string sizes_table(const Comparison& comparison) {
  HtmlTable table("Test sets", {{"Manipulation"},
                                {"Data set"},
                                {"Compression"},
                                {"Trained on"},
                                {"Real videos", "num"},
                                {"Fake videos", "num"},
                                {"Video AUC", "num"},
                                {"95 % interval", "num"}});
  const RunGroup& group = comparison.groups().front();
  for (const TestDomain& domain : comparison.domains()) {
    const EvalRow* row = test_row(shown_run(group), domain, video_level);
    if (!row) continue;
    const Metrics& m = row->metrics;
    const bool is_small = std::min(m.n_real, m.n_fake) < few_videos;
    table.add({{escape(domain.title)},
               {escape(domain.dataset)},
               {escape(domain.compression)},
               {comparison.is_trained(group, domain) ? "yes" : "no"},
               {std::to_string(m.n_real), is_small ? "num flag" : "num"},
               {std::to_string(m.n_fake), is_small ? "num flag" : "num"},
               {fixed(m.auc), "num"},
               {std::isnan(m.auc_low) ? "-" : fixed(m.auc_low) + "–" + fixed(m.auc_high), "num"}});
  }
  return table.html();
}

/// Test sets with few videos, and those on which the detector may be no better than chance.
std::pair<std::size_t, std::size_t> doubtful(const Comparison& comparison) {
  std::size_t small = 0, chance = 0;
  for (const TestDomain& domain : comparison.domains()) {
    const EvalRow* row = test_row(shown_run(comparison.groups().front()), domain, video_level);
    if (!row) continue;
    small += std::min(row->metrics.n_real, row->metrics.n_fake) < few_videos ? 1 : 0;
    chance += row->metrics.auc_low <= .5 && row->metrics.auc_high >= .5 ? 1 : 0;
  }
  return {small, chance};
}

std::vector<LeftOut> left_out_of(const Comparison& comparison) {
  std::vector<LeftOut> all;
  std::set<LeftOut> seen;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      for (const LeftOut& row : read_left_out(run->folder)) {
        if (seen.insert(row).second) all.push_back(row);
      }
    }
  }
  return all;
}

}  // namespace

std::string trust_section(const Comparison& comparison) {
  if (comparison.domains().empty()) return "";
  std::string list = "<ul>";
  list += list_item(
      comparison.synthetic()
          ? "Synthetic: the forgeries were made by roga-deepfake. The numbers compare methods, and "
            "say nothing about real deepfakes."
          : "Not marked as synthetic: the data's maker vouches for what it is.");
  const auto [small, chance] = doubtful(comparison);
  const std::size_t tests = comparison.domains().size();
  list += list_item(plural(small, "test set") + " of " + std::to_string(tests) +
                    " with fewer than " + std::to_string(few_videos) +
                    " real or fake videos. Their intervals are wide: differences within them mean "
                    "nothing.");
  if (chance > 0) {
    list +=
        list_item(plural(chance, "test set") +
                  " with an interval that contains 0.5: there the first method may be no better "
                  "than chance.");
  }
  std::size_t fewest = comparison.groups().front().runs.size();
  for (const RunGroup& group : comparison.groups()) fewest = std::min(fewest, group.runs.size());
  list += list_item(fewest < 3 ? "Fewer than three seeds of a method: another seed may change the "
                                 "order of methods."
                               : "At least " + std::to_string(fewest) + " seeds of each method.");
  const std::vector<std::string> overlaps = comparison.overlaps();
  if (overlaps.empty()) {
    list += list_item("Nothing was found that training and test share beyond their names.");
  }
  for (const std::string& overlap : overlaps) list += list_item("Overlap: " + overlap + '.');
  for (const std::string& note : notes_of(comparison)) list += list_item("Splits: " + note + '.');
  const std::vector<LeftOut> lost = left_out_of(comparison);
  if (!lost.empty()) list += list_item("Data: " + summary_of(lost) + ".");
  return section("trust", "Can this result be trusted?",
                 list + "</ul>\n" +
                     paragraph("The table shows the first method's first run. Intervals resample "
                               "the test videos; what another training would give is not in them.",
                               "muted") +
                     sizes_table(comparison));
}

std::string left_out_section(const Comparison& comparison) {
  const std::vector<LeftOut> all = left_out_of(comparison);
  if (all.empty()) return "";
  std::map<std::pair<std::string, std::string>, std::size_t> counts;
  for (const LeftOut& row : all) ++counts[{row.kind, row.dataset}];
  HtmlTable summary("", {{"What"}, {"Data set"}, {"Number", "num"}});
  for (const auto& [kind, count] : counts) {
    summary.add({{escape(kind.first)}, {escape(kind.second)}, {std::to_string(count), "num"}});
  }
  constexpr std::size_t shown = 200;
  HtmlTable table("", {{"Command"}, {"Data set"}, {"What"}, {"Where"}, {"Why"}});
  for (std::size_t i = 0; i < std::min(shown, all.size()); ++i) {
    const LeftOut& row = all[i];
    table.add({{escape(row.command)},
               {escape(row.dataset)},
               {escape(row.kind)},
               {escape(row.place), "wrap"},
               {escape(row.reason), "wrap"}});
  }
  std::string title = "One by one";
  if (all.size() > shown) title += ", the first " + std::to_string(shown);
  return section(
      "left-out", "What was left out",
      paragraph("Data that could not be used. All of it is in left_out.csv of the runs.", "muted") +
          summary.html() + folded(title, table.html()));
}

}  // namespace deepfake
