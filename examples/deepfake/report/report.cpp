// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include "files/replace_file.hpp"
#include "report/html.hpp"
#include "report/sections.hpp"

namespace deepfake {
namespace {

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

std::string subtitle(const Comparison& comparison) {
  const auto& groups = comparison.groups();
  std::size_t runs = 0;
  for (const RunGroup& group : groups) runs += group.runs.size();
  const auto manipulations = [](const std::vector<TestDomain>& domains) {
    ManipulationMean each_once;
    for (const TestDomain& domain : domains) each_once.add(manipulation_of(domain), 0);
    return each_once.count();
  };
  std::string text = counted(groups.size(), "method") + ", " + counted(runs, "run") +
                     ", tested on " + counted(manipulations(comparison.domains()), "manipulation") +
                     ", of which " + std::to_string(manipulations(comparison.never_trained())) +
                     " never trained on.";
  const RunConfig& config = groups.front().runs.front()->config;
  if (!config.data.empty()) text += " Data: " + config.data.string() + '.';
  return text;
}

}  // namespace

std::string report_html(std::span<const Run> runs, const ReportOptions& options) {
  const Comparison comparison(runs);
  Page page;
  page.title = comparison.groups().size() == 1
                   ? "Deepfake detector: " + comparison.groups().front().title
                   : "Deepfake detectors compared";
  page.subtitle = subtitle(comparison);
  page.notice = options.notice;
  if (comparison.synthetic()) {
    page.notice += std::string(page.notice.empty() ? "" : " ") +
                   "Synthetic forgeries: made by roga-deepfake itself, so these numbers say "
                   "nothing about real deepfakes.";
  }
  page.sections = {summary_section(comparison),
                   trust_section(comparison),
                   paired_section(comparison),
                   heat_map_section(comparison),
                   training_section(comparison),
                   roc_section(comparison),
                   histogram_section(comparison),
                   calibration_section(comparison),
                   robustness_section(comparison),
                   options.pictures ? examples_section(comparison) : "",
                   options.pictures ? pseudo_section(comparison) : "",
                   options.pictures ? gradcam_section(comparison) : "",
                   audit_section(comparison),
                   all_metrics_section(comparison),
                   left_out_section(comparison),
                   configuration_section(comparison),
                   glossary_section()};
  std::erase(page.sections, "");
  return page_html(page);
}

std::filesystem::path write_report(std::span<const std::filesystem::path> run_folders,
                                   std::filesystem::path output, const ReportOptions& options) {
  std::vector<Run> runs;
  for (const auto& folder : run_folders) runs.push_back(read_run(folder));
  if (output.empty() && !run_folders.empty()) output = run_folders.front() / "report.html";
  replace_file(output, report_html(runs, options));
  return output;
}

}  // namespace deepfake
