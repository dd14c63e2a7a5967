// SPDX-License-Identifier: MIT
// Comparison with the baseline, Grad-CAM pictures and robustness: files and sections.
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/paired.hpp"
#include "report/paired.hpp"
#include "report/report.hpp"
#include "runs/analysis_files.hpp"
#include "sample_data.hpp"
#include "sample_runs.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

namespace {

/// Scores on three manipulations, the last two in a data set of their own; @p skill parts fakes
/// from reals, and the seed scatters both.
std::vector<FrameScore> test_scores(double skill, int seed) {
  std::vector<FrameScore> scores;
  const auto scatter = [&](int n) { return .3 * (1 + std::sin(12.9898 * (n + 100 * seed))); };
  for (int n = 0; n < 30; ++n) {
    const std::string video = std::to_string(n);
    for (const char* frame : {"0", "10"}) {
      const int salt = n + (frame[0] == '1' ? 1000 : 0);
      scores.push_back({"FF", "FF-real", video, frame, 0, scatter(salt)});
      scores.push_back({"FF", "FF-DF", video, frame, 1, skill + scatter(salt + 37)});
      scores.push_back({"Other", "Other_real", video, frame, 0, scatter(salt + 91)});
      scores.push_back({"Other", "A", video, frame, 1, skill + scatter(salt + 173)});
      scores.push_back({"Other", "B", video, frame, 1, skill / 2 + scatter(salt + 229)});
    }
  }
  return scores;
}

Run scored_run(const fs::path& folder, const std::string& method, int seed, double skill,
               const std::vector<std::string>& train_domains = {"FF-DF"}) {
  write_config(folder, {{"method", method},
                        {"name", folder.filename().string()},
                        {"seed", seed},
                        {"train_datasets", {"FF"}},
                        {"train_domains", train_domains}});
  const std::vector<FrameScore> scores = test_scores(skill, seed);
  write_scores(folder, scores);
  write_evals(folder, evaluate_frames(scores, 1, "test", {.resamples = 10}));
  return read_run(folder);
}

const PairedRow& row_of(const std::vector<PairedRow>& rows, std::string_view method,
                        std::string_view level, std::string_view title) {
  for (const PairedRow& row : rows) {
    if (row.method == method && row.level == level && row.title == title) return row;
  }
  throw std::runtime_error(std::string("no row ").append(method).append(", ").append(level) + ", " +
                           std::string(title));
}

}  // namespace

TEST_CASE("manipulations of a data set see the same resamples of its reals", "[paired]") {
  std::vector<FrameScore> scores;
  for (const char* dataset : {"FF", "Other"}) {
    for (int n = 0; n < 20; ++n) {
      scores.push_back({dataset, "real", std::to_string(n), "0", 0, n / 20.});
    }
    // With one fake each nothing but the reals is drawn.
    for (const char* domain : {"A", "B"}) scores.push_back({dataset, domain, "0", "0", 1, .52});
  }
  const ResampledAuc first = resampled_auc(scores, "FF", "A");
  CHECK(first.resampled == resampled_auc(scores, "FF", "B").resampled);
  CHECK(first.resampled != resampled_auc(scores, "Other", "A").resampled);
  CHECK(first.resampled.front() != first.resampled.back());
}

TEST_CASE("methods are compared with ERM on the same videos", "[report][paired]") {
  const TemporaryFolder folder;
  std::vector<Run> runs;
  for (const auto& [method, skill] : {std::pair("roga", .25), {"erm", .15}, {"sam", .15}}) {
    for (int seed = 0; seed < 2; ++seed) {
      const std::string name = method + std::to_string(seed);
      // SAM scatters apart, so that it is neither better nor the same.
      const int scatter = name.starts_with("sam") ? seed + 2 : seed;
      runs.push_back(scored_run(folder.path() / name, method, scatter, skill));
    }
  }
  const Comparison comparison(runs);
  REQUIRE(comparison.groups().size() == 3);
  CHECK(baseline_of(comparison, comparison.groups()[0])->method == "erm");
  CHECK(baseline_of(comparison, comparison.groups()[1]) == nullptr);

  const std::vector<PairedRow> rows = paired_rows(comparison, {.resamples = 400});
  // Two methods, two levels, three manipulations and a mean.
  REQUIRE(rows.size() == 16);
  const RunGroup &roga = comparison.groups()[0], &erm = comparison.groups()[1];
  for (const char* level : {frame_level, video_level}) {
    double unseen = 0;
    for (const TestDomain& domain : comparison.domains()) {
      const PairedRow& row = row_of(rows, "roga", level, domain.title);
      // The difference of the means that the summary shows, which come from eval.csv.
      const double expected =
          comparison.auc(roga, domain, level).mean - comparison.auc(erm, domain, level).mean;
      CHECK(row.auc.difference == Approx(expected));
      CHECK(row.auc.interval.low < expected);
      CHECK(row.auc.interval.high > expected);
      CHECK(row.baseline == "erm");
      CHECK(row.trained == (domain.domain == "FF-DF"));
      if (!row.trained) unseen += expected / 2;
    }
    const PairedRow& mean = row_of(rows, "roga", level, mean_of_unseen);
    CHECK(mean.auc.difference == Approx(unseen));
    CHECK(mean.auc.p_value < .02);
    // Of two p values the lesser is doubled, the greater stays.
    const PairedRow& sam = row_of(rows, "sam", level, mean_of_unseen);
    REQUIRE(sam.auc.p_value > mean.auc.p_value);
    CHECK(mean.holm_p == Approx(2 * mean.auc.p_value));
    CHECK(sam.holm_p == Approx(std::max(sam.auc.p_value, mean.holm_p)));
  }

  const std::string text = paired_text(rows, video_level);
  CHECK(mentions(text, "video AUC"));
  CHECK(count_of(text, "mean unseen") == 2);
  write_paired(rows, folder.path() / "paired.csv");
  const CsvTable table = read_csv(folder.path() / "paired.csv");
  REQUIRE(table.rows.size() == 16);
  CHECK(table.rows[0][0] == "roga");
  CHECK(table.number(0, table.column("difference")) == rows[0].auc.difference);
  CHECK(table.number(0, table.column("p_holm")) == rows[0].holm_p);

  const std::string html = report_html(runs);
  CHECK(count_of(html, "<section id=\"paired\"") == 1);
  CHECK(mentions(html, "Difference in video AUC"));
  CHECK(count_of(html, "<td>mean unseen</td><td></td><td></td><td>no</td><td>video</td>") == 2);
  CHECK(mentions(html, "Mean unseen<br>video AUC"));
  CHECK(count_of(report_html(std::span(runs).first(1)), "<section id=\"paired\"") == 0);
}

TEST_CASE("what was not tested alike is not compared", "[report][paired]") {
  const TemporaryFolder folder;
  std::vector<Run> runs{scored_run(folder.path() / "sam", "sam", 0, .2),
                        scored_run(folder.path() / "roga", "roga", 0, .25)};
  const Comparison comparison(runs);
  // Without ERM the first is the baseline.
  CHECK(baseline_of(comparison, comparison.groups()[0]) == nullptr);
  CHECK(baseline_of(comparison, comparison.groups()[1])->method == "sam");
  CHECK(paired_rows(comparison, {.resamples = 20}).size() == 8);

  // One video less in the other data set: only FF is left, and no mean.
  std::erase_if(runs[1].scores,
                [](const FrameScore& s) { return s.dataset == "Other" && s.video == "7"; });
  CHECK(paired_rows(comparison, {.resamples = 20}).size() == 2);
  runs[1].scores.clear();
  CHECK(paired_rows(comparison).empty());

  // Other training data, as when each run leaves another manipulation out.
  const std::vector<Run> apart{scored_run(folder.path() / "e", "erm", 0, .2),
                               scored_run(folder.path() / "r", "roga", 0, .25, {"FF-NT"})};
  CHECK(paired_rows(Comparison(apart), {.resamples = 20}).empty());
}

TEST_CASE("Grad-CAM pictures are in the report", "[report][gradcam]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  write_run(run, "roga", 0, .7, 1);
  CHECK(read_gradcam_index(run).empty());
  CHECK_FALSE(mentions(report_html(std::vector{read_run(run)}), "id=\"gradcam\""));

  std::vector<GradCamRow> rows{{"FF-DF/a, 1.png", "FF-DF", "FF-DF", "a", "10", 1, .25},
                               {"b.png", "FF-DF", "FF-real", "b", "0", 0, .125},
                               {"gone.png", "FF-DF", "FF-real", "c", "0", 0, .125}};
  for (int n = 0; n < 10; ++n) {
    rows.push_back({"b.png", "Celeb-DF-v2", "CelebDFv2_fake", std::to_string(n), "0", 1, .75});
  }
  write_gradcam_index(run, rows);
  const std::vector<GradCamRow> read = read_gradcam_index(run);
  REQUIRE(read.size() == 13);
  CHECK(read[0].file == "FF-DF/a, 1.png");
  CHECK(read[0].dataset == "FF-DF");
  CHECK(read[0].video == "a");
  CHECK(read[0].frame == "10");
  CHECK(read[0].label == 1);
  CHECK(read[0].prob == .25);
  CHECK(read[1].domain == "FF-real");
  CHECK(read_text(run / "gradcam" / "index.csv")
            .starts_with(
                "file,dataset,domain,video,frame,label,prob,compression\n\"FF-DF/a, 1.png\","));

  cv::imwrite((run / "gradcam" / "b.png").string(), cv::Mat(200, 400, CV_8UC3, {1, 2, 3}));
  write_picture(run / "gradcam" / "FF-DF" / "a, 1.png");
  const std::string html = report_html(std::vector{read_run(run)});
  const std::size_t begin = html.find("<section id=\"gradcam\"");
  REQUIRE(begin != std::string::npos);
  const std::string part = html.substr(begin, html.find("</section>", begin) - begin);
  CHECK(count_of(part, "<img src=\"data:image/png;base64,iVBORw0KGgo") == 2 + 5);
  CHECK(mentions(part, "Left out: "));
  CHECK(mentions(part, "gone.png"));
  CHECK(mentions(part, "<small class=\"wrong\">score 0.25</small>"));
  CHECK(count_of(part, "class=\"wrong\"") == 1);
}

TEST_CASE("robustness is drawn and listed", "[report][robustness]") {
  const TemporaryFolder folder;
  std::vector<Run> runs;
  for (const auto& [method, loss] : {std::pair("erm", .2), {"roga", .1}}) {
    const fs::path run = folder.path() / method;
    write_run(run, method, 0, .7, 1);
    CHECK(read_robustness(run).empty());
    std::vector<RobustnessRow> rows;
    for (const auto& [corruption, level] :
         {std::pair("none", 0.), {"jpeg", 75.}, {"jpeg", 30.}, {"noise", .01}, {"noise", .05}}) {
      const double lost = std::string(corruption) == "none" ? 0 : loss;
      rows.push_back({corruption, level, "FF-DF", "FF-DF", .9 - lost, .95 - lost});
      rows.push_back({corruption, level, "Celeb-DF-v2", "CelebDFv2_fake", .7 - lost, .725 - lost});
      rows.push_back({corruption, level, "Celeb-DF-v2", all_domains, .1, .1});
    }
    write_robustness(run, rows);
    CHECK(read_text(run / "robustness.csv")
              .starts_with("corruption,level,dataset,domain,frame_auc,video_auc\n"
                           "none,none,FF-DF,FF-DF,0.9,0.95\n"));
    const std::vector<RobustnessRow> read = read_robustness(run);
    REQUIRE(read.size() == rows.size());
    CHECK(read[0].corruption == no_corruption);
    CHECK(read[4].corruption == "jpeg");
    CHECK(read[4].level == 75);
    CHECK(read[4].domain == "CelebDFv2_fake");
    CHECK(read[4].frame_auc == .7 - loss);
    CHECK(read[4].video_auc == .725 - loss);
    runs.push_back(read_run(run));
  }
  const std::string html = report_html(runs);
  const std::size_t begin = html.find("<section id=\"robustness\"");
  REQUIRE(begin != std::string::npos);
  const std::string part = html.substr(begin, html.find("</section>", begin) - begin);
  // Mean of .9 - .2 and .7 - .2, all domains together left out.
  CHECK(mentions(part, "<title>erm: mean frame AUC 0.600 at 30</title>"));
  CHECK(mentions(part, "<title>roga: mean frame AUC 0.700 at 0.05</title>"));
  CHECK(mentions(part, "<title>erm, frames as they are</title>"));
  CHECK(count_of(part, "<figcaption>") == 2);
  CHECK(mentions(part, "Video AUC, means"));
  CHECK(mentions(part,
                 "<td>jpeg</td><td class=\"num\">30</td><td class=\"num\">0.750</td>"
                 "<td class=\"num\">0.525</td><td class=\"num\">0.850</td>"
                 "<td class=\"num\">0.625</td>"));
}
