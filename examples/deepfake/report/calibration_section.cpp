// SPDX-License-Identifier: MIT
// What the calibration fitted on validation is worth, there and elsewhere.
#include <cmath>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/scored.hpp"
#include "report/sections.hpp"
#include "runs/calibration_file.hpp"
#include "text/table.hpp"

namespace deepfake {
namespace {

/// The rate that the table shows: one false alarm in twenty reals.
constexpr double shown_rate = 0.05;

struct Worth {
  double ece_before = 0;
  double ece = 0;
  double log_loss_before = 0;
  double log_loss = 0;
  double false_alarms = 0;  ///< share of real frames above the threshold
};

double threshold_at(const Calibration& calibration, double rate) {
  for (const Threshold& threshold : calibration.thresholds) {
    if (std::abs(threshold.rate - rate) < 1e-9) return threshold.frame;
  }
  return std::nan("");
}

std::vector<double> scaled(const std::vector<double>& probs, double temperature) {
  std::vector<double> result;
  for (const double prob : probs) result.push_back(calibrated(prob, temperature));
  return result;
}

Worth worth_on(const Scored& scored, const Calibration& calibration) {
  const std::vector<double> probs = scaled(scored.scores, calibration.temperature);
  const double threshold = threshold_at(calibration, shown_rate);
  double above = 0, reals = 0;
  for (std::size_t i = 0; i < scored.scores.size(); ++i) {
    if (scored.labels[i] == 1) continue;
    reals += 1;
    above += scored.scores[i] > threshold ? 1 : 0;
  }
  return {expected_calibration_error(scored.scores, scored.labels),
          expected_calibration_error(probs, scored.labels),
          balanced_log_loss(scored.scores, scored.labels), balanced_log_loss(probs, scored.labels),
          above / reals};
}

Series reliability_line(const std::string& name, std::size_t style,
                        const std::vector<ReliabilityBin>& bins) {
  Series series{name, style, {}};
  for (const ReliabilityBin& bin : bins) {
    if (bin.count > 0) series.points.push_back({bin.mean_prob, bin.share_of_fakes});
  }
  return series;
}

std::string diagram(const std::string& title, const std::vector<ReliabilityBin>& before,
                    const std::vector<ReliabilityBin>& after) {
  const std::vector<Series> lines{reliability_line("score", 0, before),
                                  reliability_line("calibrated", 1, after)};
  return figure(title, "", reliability_chart(lines, "Reliability diagram, " + title));
}

Scored scores_of_all(const Comparison& comparison, const RunGroup& group, bool trained) {
  Scored all;
  for (const TestDomain& domain : comparison.domains()) {
    if (comparison.is_trained(group, domain) != trained) continue;
    const Scored one = scores_of(shown_run(group), domain);
    if (!one.has_both()) continue;
    all.scores.insert(all.scores.end(), one.scores.begin(), one.scores.end());
    all.labels.insert(all.labels.end(), one.labels.begin(), one.labels.end());
  }
  return all;
}

std::string calibration_of(const Comparison& comparison, const RunGroup& group,
                           const Calibration& calibration) {
  HtmlTable table("", {{"Frames of"},
                       {"Data set"},
                       {"Compression"},
                       {"Trained on"},
                       {"ECE", "num"},
                       {"calibrated", "num"},
                       {"Log loss", "num"},
                       {"calibrated", "num"},
                       {"Reals above the " + fixed(100 * shown_rate, 0) + " % threshold", "num"}});
  table.add({{"validation"},
             {""},
             {""},
             {"yes"},
             {fixed(calibration.ece_before), "num"},
             {fixed(calibration.ece), "num"},
             {fixed(calibration.log_loss_before), "num"},
             {fixed(calibration.log_loss), "num"},
             {"≤ " + fixed(shown_rate), "num"}});
  for (const TestDomain& domain : comparison.domains()) {
    const Scored scored = scores_of(shown_run(group), domain);
    if (!scored.has_both()) continue;
    const Worth worth = worth_on(scored, calibration);
    table.add({{escape(domain.title)},
               {escape(domain.dataset)},
               {escape(domain.compression)},
               {comparison.is_trained(group, domain) ? "yes" : "no"},
               {fixed(worth.ece_before), "num"},
               {fixed(worth.ece), "num"},
               {fixed(worth.log_loss_before), "num"},
               {fixed(worth.log_loss), "num"},
               {fixed(worth.false_alarms), "num"}});
  }
  std::vector<std::string> figures{
      diagram("Validation", calibration.bins_before, calibration.bins)};
  std::string verdict =
      "Temperature " + fixed(calibration.temperature, 2) + ", fitted on " +
      std::to_string(calibration.n_real) + " real and " + std::to_string(calibration.n_fake) +
      " fake validation frames. Calibrated log loss on them: " + fixed(calibration.log_loss);
  for (const bool trained : {true, false}) {
    const Scored scored = scores_of_all(comparison, group, trained);
    if (!scored.has_both()) continue;
    const Worth worth = worth_on(scored, calibration);
    const std::vector<double> probs = scaled(scored.scores, calibration.temperature);
    const std::string name = trained ? "Test, trained manipulations" : "Test, unseen manipulations";
    figures.push_back(diagram(name, reliability(scored.scores, scored.labels),
                              reliability(probs, scored.labels)));
    verdict += std::string(trained ? "; on test frames of trained manipulations: "
                                   : "; on those of unseen ones: ") +
               fixed(worth.log_loss) + ", with " + fixed(100 * worth.false_alarms, 1) +
               " % of the reals above the threshold that was set for " +
               fixed(100 * shown_rate, 0) + " %";
  }
  const std::vector<Series> named{{"score", 0, {}}, {"calibrated", 1, {}}};
  return paragraph(verdict + '.') + legend(named) + panels(figures) + table.html();
}

}  // namespace

std::string calibration_section(const Comparison& comparison) {
  std::string body;
  const bool single = comparison.groups().size() == 1;
  for (const RunGroup& group : comparison.groups()) {
    const auto calibration = read_calibration(shown_run(group).folder);
    if (!calibration) continue;
    const std::string part = calibration_of(comparison, group, *calibration);
    body += single ? part : folded(group.title, part, body.empty());
  }
  if (body.empty()) return "";
  return section(
      "calibration", "Calibration",
      paragraph("A temperature and thresholds for wanted false positive rates, both fitted on the "
                "validation split. They hold for manipulations and data like those. They do not "
                "transfer to unseen forgeries: compare the rows. On the diagonal of a diagram, the "
                "share of fakes is what the score says; log loss 0.693 is that of a coin.",
                "muted") +
          body);
}

}  // namespace deepfake
