// SPDX-License-Identifier: MIT
// Grad-CAM pictures and robustness.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <stdexcept>

#include "data/index.hpp"
#include "files/csv.hpp"
#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"
#include "report/thumbnail.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

constexpr std::size_t pictures_per_domain = 5;

std::string gradcam_figure(const Run& run, const GradCamRow& row) {
  const std::string verdict = "score " + fixed(row.prob, 2);
  const bool is_wrong = (row.prob > .5) != (row.label == 1);
  const std::string about = "Video " + row.video + ", frame " + row.frame + ", " +
                            (row.label == 1 ? "fake" : "real") + ", " + verdict;
  std::string picture;
  try {
    picture = "<img src=\"" + thumbnail(run.folder / "gradcam" / row.file) + "\" alt=\"" +
              escape(about) + "\" title=\"" + escape(about) + "\">";
  } catch (const std::runtime_error& error) {
    picture = paragraph(std::string("Left out: ") + error.what(), "muted");
  }
  return "<figure>" + picture + "<small" + (is_wrong ? " class=\"wrong\"" : "") + '>' + verdict +
         "</small></figure>\n";
}

std::string gradcam_of(const Run& run) {
  std::vector<std::pair<std::string, std::vector<const GradCamRow*>>> domains;
  for (const GradCamRow& row : run.gradcam) {
    const bool synthetic = run.config.synthetic;
    std::string title = domain_title(row.domain, synthetic);
    title = (row.label == 0 ? "real, " : title + ", ") + dataset_title(row.dataset, synthetic);
    if (!row.compression.empty()) title += ", " + row.compression;
    auto found = std::ranges::find(domains, title, [](const auto& domain) { return domain.first; });
    if (found == domains.end()) found = domains.insert(found, {title, {}});
    found->second.push_back(&row);
  }
  std::string html;
  for (const auto& [title, rows] : domains) {
    html += "<h3>" + escape(title) + "</h3><div class=\"gradcam\">";
    for (const std::size_t n : evenly_spaced(rows.size(), pictures_per_domain)) {
      html += gradcam_figure(run, *rows[n]);
    }
    html += "</div>\n";
  }
  return html;
}

struct Corruption {
  std::string name;
  std::vector<double> levels;  // ascending
};

std::vector<Corruption> corruptions_of(const Comparison& comparison) {
  std::vector<Corruption> list;
  for (const RunGroup& group : comparison.groups()) {
    for (const Run* run : group.runs) {
      for (const RobustnessRow& row : run->robustness) {
        if (row.corruption == no_corruption) continue;
        auto found = std::ranges::find(list, row.corruption, &Corruption::name);
        if (found == list.end()) found = list.insert(found, {row.corruption, {}});
        if (std::ranges::find(found->levels, row.level) == found->levels.end()) {
          found->levels.push_back(row.level);
        }
      }
    }
  }
  for (Corruption& corruption : list) std::ranges::sort(corruption.levels);
  return list;
}

/// Mean over manipulations (those trained on, the others, or all), then over seeds.
MeanDeviation corrupted_auc(const Comparison& comparison, const RunGroup& group,
                            const std::string& corruption, double level, double RobustnessRow::*auc,
                            std::optional<bool> trained = {}) {
  std::vector<double> of_runs;
  for (const Run* run : group.runs) {
    ManipulationMean mean;
    for (const RobustnessRow& row : run->robustness) {
      if (row.corruption != corruption || row.domain == all_domains) continue;
      if (corruption != no_corruption && row.level != level) continue;
      const TestDomain domain{row.dataset, row.domain, {}, {}, row.compression};
      if (trained && comparison.is_trained(group, domain) != *trained) continue;
      const auto tested = std::ranges::find(comparison.domains(), domain);
      const bool is_known = tested != comparison.domains().end();
      mean.add(is_known ? manipulation_of(*tested) : manipulation_of(domain), row.*auc);
    }
    if (mean.count() > 0) of_runs.push_back(mean.mean());
  }
  return mean_deviation(of_runs);
}

std::string robustness_chart(const Comparison& comparison, const Corruption& corruption) {
  std::vector<Series> lines;
  for (const RunGroup& group : comparison.groups()) {
    const auto auc_at = [&](const std::string& name, double level) {
      return corrupted_auc(comparison, group, name, level, &RobustnessRow::frame_auc).mean;
    };
    Series line{group.title, style_of(comparison, group), {}};
    for (const double level : corruption.levels) {
      const double value = auc_at(corruption.name, level);
      if (!std::isnan(value)) line.points.push_back({level, value});
    }
    if (line.points.empty()) continue;
    const double clean = auc_at(no_corruption, 0);
    if (!std::isnan(clean)) {
      line.faint = {{corruption.levels.front(), clean}, {corruption.levels.back(), clean}};
    }
    lines.push_back(std::move(line));
  }
  return figure(
      corruption.name, "frame AUC, mean of all manipulations",
      line_chart(lines, corruption.name + " level", "mean frame AUC",
                 "Frame AUC by level of " + corruption.name, "frames as they are", Range::unit));
}

std::string robustness_table(const Comparison& comparison,
                             const std::vector<Corruption>& corruptions, const std::string& caption,
                             double RobustnessRow::*auc) {
  std::vector<Cell> header{{"Corruption"}, {"Level", "num"}};
  const bool several = comparison.groups().size() > 1;
  for (const RunGroup& group : comparison.groups()) {
    for (const char* part : {"in-domain", "unseen"}) {
      header.push_back({escape(several ? group.title + ", " + part : part), "num"});
    }
  }
  HtmlTable table(caption, header);
  const auto add = [&](const std::string& name, const std::string& shown, double level) {
    std::vector<Cell> cells{{escape(name)}, {shown, "num"}};
    for (const RunGroup& group : comparison.groups()) {
      for (const bool trained : {true, false}) {
        cells.push_back(
            {to_text(corrupted_auc(comparison, group, name, level, auc, trained)), "num"});
      }
    }
    table.add(cells);
  };
  add(no_corruption, "", 0);
  for (const Corruption& corruption : corruptions) {
    for (const double level : corruption.levels) add(corruption.name, to_csv(level), level);
  }
  return table.html();
}

}  // namespace

std::string gradcam_section(const Comparison& comparison) {
  std::string body;
  const bool single = comparison.groups().size() == 1;
  for (const RunGroup& group : comparison.groups()) {
    const auto run =
        std::ranges::find_if(group.runs, [](const Run* r) { return !r->gradcam.empty(); });
    if (run == group.runs.end()) continue;
    const std::string pictures = gradcam_of(**run);
    body += single ? pictures : folded(group.title, pictures, body.empty());
  }
  if (body.empty()) return "";
  return section(
      "gradcam", "Grad-CAM",
      paragraph("Where the score comes from: each picture is a test frame and, beside it, "
                "the same frame with the regions that raise the score. Wrong verdicts at "
                "threshold 0.5 are orange. A plausible region is no proof of a right "
                "reason.",
                "muted") +
          body);
}

std::string robustness_section(const Comparison& comparison) {
  const std::vector<Corruption> corruptions = corruptions_of(comparison);
  if (corruptions.empty()) return "";
  std::vector<Series> named;
  for (const RunGroup& group : comparison.groups()) {
    const auto tested = [](const Run* run) { return !run->robustness.empty(); };
    if (std::ranges::none_of(group.runs, tested)) continue;
    named.push_back({group.title, style_of(comparison, group), {}});
  }
  std::vector<std::string> figures;
  for (const Corruption& corruption : corruptions) {
    figures.push_back(robustness_chart(comparison, corruption));
  }
  return section(
      "robustness", "Robustness",
      paragraph("AUC on test frames that were corrupted before the detector saw them. Pale lines: "
                "frames as they are.",
                "muted") +
          legend(named) + panels(figures, true) +
          folded(
              "Numbers",
              robustness_table(comparison, corruptions, "Frame AUC, means of the manipulations",
                               &RobustnessRow::frame_auc) +
                  robustness_table(comparison, corruptions, "Video AUC, means of the manipulations",
                                   &RobustnessRow::video_auc),
              comparison.groups().size() == 1));
}

}  // namespace deepfake
