// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <utility>

#include "report/html.hpp"
#include "report/sections.hpp"

namespace deepfake {
namespace {

using Option = std::pair<std::string, std::string>;

void flatten(const nlohmann::ordered_json& value, const std::string& name,
             std::vector<Option>& options) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, inner] : value.items()) {
      flatten(inner, name.empty() ? key : name + '.' + key, options);
    }
  } else if (value.is_array()) {
    std::string list;
    for (const auto& item : value) {
      list +=
          (list.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
    }
    options.emplace_back(name, list);
  } else {
    options.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
}

}  // namespace

std::string configuration_section(const Comparison& comparison) {
  std::vector<Cell> header{{"Option"}};
  std::vector<std::vector<Option>> configurations;
  std::vector<std::string> names;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      header.push_back({escape(run->config.name)});
      flatten(run->config.all, "", configurations.emplace_back());
      for (const Option& option : configurations.back()) {
        if (std::ranges::find(names, option.first) == names.end()) names.push_back(option.first);
      }
    }
  }
  struct Row {
    std::vector<Cell> cells;
    bool differs = false;
  };
  std::vector<Row> rows;
  for (const std::string& name : names) {
    Row row{{{escape(name)}}, false};
    for (const auto& configuration : configurations) {
      const auto found = std::ranges::find(configuration, name, &Option::first);
      row.cells.push_back({found == configuration.end() ? "" : escape(found->second), "wrap"});
      row.differs = row.differs || row.cells.back().html != row.cells[1].html;
    }
    rows.push_back(std::move(row));
  }
  std::stable_partition(rows.begin(), rows.end(), [](const Row& row) { return row.differs; });
  HtmlTable table("", header);
  for (const Row& row : rows) table.add(row.cells, row.differs ? "differs" : "");
  const bool several = configurations.size() > 1;
  return section(
      "configuration", "Configuration",
      (several ? paragraph("What differs between the runs comes first.", "muted") : std::string()) +
          folded("Options", table.html(), !several));
}

std::string glossary_section() {
  constexpr std::array<std::pair<const char*, const char*>, 15> entries{{
      {"Frame AUC",
       "Probability that a fake frame scores higher than a real one, ties counting half; the area "
       "under the ROC curve. 1 is perfect, 0.5 chance, below 0.5 worse than chance."},
      {"Video AUC",
       "The same over videos. A video's score is the mean over its frames; videos are told apart "
       "by data set, manipulation and name. Usually higher than frame AUC: compare like with "
       "like. Video max and video median take the maximum or the median instead of the mean."},
      {"95 % interval",
       "Percentile bootstrap of the AUC over resampled videos. It holds for this one detector; "
       "other seeds vary on top of it."},
      {"In-domain, unseen",
       "Manipulations that the detector was trained on (with other people), and manipulations or "
       "data sets that it never met. Means count every manipulation alike."},
      {"EER",
       "Equal error rate: false positive rate at the threshold where it is closest to the false "
       "negative rate. Taken at a point of the ROC curve, not between points, so that a detector "
       "with one score for everything gets 0: read it beside the AUC."},
      {"AP",
       "Average precision: sum of precision times gain in recall over all thresholds. "
       "Depends on the share of fakes."},
      {"Acc, balanced acc",
       "Share of right verdicts where a score above 0.5 says fake; balanced: mean of the shares "
       "among reals and among fakes."},
      {"TPR@1%",
       "Share of fakes found at a threshold that at most 1 % of the reals exceed. With fewer than "
       "100 reals no real may exceed it."},
      {"Brier", "Mean squared difference between score and truth (0 or 1). 0 is perfect."},
      {"ECE",
       "Expected calibration error in 15 bins: how far scores are from the share of fakes "
       "among frames with such a score. 0 is perfectly calibrated."},
      {"Difference, p, p (Holm)",
       "AUC of a method minus that of the baseline on the same resamples of the test videos; means "
       "over seeds. p is two-sided and never 0, for resamples are finite in number; Holm's "
       "adjustment keeps the chance of any false claim among the methods at the level of one "
       "test."},
      {"Robustness",
       "AUC on test frames after JPEG compression, blur and the like. The level is the parameter "
       "of "
       "the corruption, so more can be milder (JPEG quality) or harsher (blur)."},
      {"Grad-CAM",
       "Regions of the last feature map that raise the score. It shows where, not why."},
      {"s/step, × ERM",
       "Median time of a training step, and the same relative to plain training (ERM) on the same "
       "machine."},
      {"Score", "The detector's probability that a frame is fake. It is no proof."},
  }};
  std::string list = "<dl>";
  for (const auto& [term, meaning] : entries) {
    list += "<dt>" + escape(term) + "</dt><dd>" + escape(meaning) + "</dd>\n";
  }
  return section("glossary", "Glossary", list + "</dl>");
}

}  // namespace deepfake
