// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "sample_data.hpp"
#include "sample_runs.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

TEST_CASE("runs that differ by their seed are one method", "[report]") {
  const TemporaryFolder folder;
  write_run(folder.path() / "e0", "erm", 0, .6, 2);
  write_run(folder.path() / "e1", "erm", 1, .7, 4);
  write_run(folder.path() / "r0", "roga", 0, .8, 6);
  std::vector<Run> runs;
  for (const char* name : {"e0", "e1", "r0"}) runs.push_back(read_run(folder.path() / name));
  const Comparison comparison(runs);
  REQUIRE(comparison.groups().size() == 2);
  const RunGroup &erm = comparison.groups()[0], &roga = comparison.groups()[1];
  CHECK(erm.runs.size() == 2);
  CHECK(roga.title == "roga");
  REQUIRE(comparison.domains().size() == 2);
  CHECK(comparison.domains()[0].title == "FF-DF");  // trained on first
  CHECK(comparison.never_trained().size() == 1);
  CHECK(comparison.is_trained(erm, comparison.domains()[0]));

  // Of two rows for the same set, the later counts: .9, not .1.
  CHECK(comparison.mean_auc(roga, true, frame_level).mean == Approx(.9));
  CHECK(comparison.mean_auc(roga, true, video_level).mean == Approx(.95));
  const MeanDeviation unseen = comparison.mean_auc(erm, false, frame_level);
  CHECK(unseen.mean == Approx(.65));
  CHECK(unseen.deviation == Approx(std::sqrt(.005)));
  CHECK(to_text(unseen) == "0.650 ± 0.071");
  CHECK(std::isnan(comparison.mean_auc(roga, false, frame_level).deviation));
  // Medians, not means: one step took 100 s.
  CHECK(comparison.step_seconds(erm) == Approx(3));
  CHECK(comparison.relative_step_seconds(roga) == Approx(2));
  CHECK(mentions(summary_text(comparison, frame_level), "erm         2"));

  // Of the epochs' means over domains, .5 and .7, the best; the run without such rows has none.
  std::vector<EvalRow> evals = runs[2].evals;
  const auto validated = [&](std::int64_t epoch, const std::string& domain, double auc_value) {
    evals.push_back(eval_row("FF-DF", domain, auc_value));
    evals.back().epoch = epoch;
    evals.back().split = "val";
  };
  validated(1, "FF-DF", .4);
  validated(1, "FF-F2F", .6);
  validated(2, "FF-DF", .8);
  validated(2, "FF-F2F", .6);
  validated(3, all_domains, .99);
  runs[2].evals = evals;
  CHECK(comparison.validation_auc(roga, frame_level).mean == Approx(.7));
  CHECK(std::isnan(comparison.validation_auc(erm, frame_level).mean));

  write_comparison(comparison, folder.path() / "compare.csv");
  const CsvTable table = read_csv(folder.path() / "compare.csv");
  CHECK(table.columns == std::vector<std::string>{"method",
                                                  "seeds",
                                                  "frame validation",
                                                  "frame in-domain",
                                                  "frame in-domain sd",
                                                  "frame FF-DF",
                                                  "frame FF-DF sd",
                                                  "frame CelebDFv2",
                                                  "frame CelebDFv2 sd",
                                                  "frame mean unseen",
                                                  "frame mean unseen sd",
                                                  "video validation",
                                                  "video in-domain",
                                                  "video in-domain sd",
                                                  "video FF-DF",
                                                  "video FF-DF sd",
                                                  "video CelebDFv2",
                                                  "video CelebDFv2 sd",
                                                  "video mean unseen",
                                                  "video mean unseen sd",
                                                  "s/step",
                                                  "x ERM"});
  CHECK(table.number(0, table.column("frame mean unseen")) == Approx(.65));
  CHECK(table.number(0, table.column("frame mean unseen sd")) == Approx(std::sqrt(.005)));
  CHECK(table.number(0, table.column("video FF-DF")) == Approx(.95));
  CHECK(table.number(1, table.column("x ERM")) == Approx(2));

  // Times that were measured side by side count before those of the training.
  nlohmann::ordered_json timed = runs[2].config.all;
  timed["record"] = {{"step_seconds", 9}};
  write_config(folder.path() / "r0", timed);
  runs[2] = read_run(folder.path() / "r0");
  CHECK(comparison.step_seconds(roga) == Approx(9));

  // Another option than the seed: another method.
  nlohmann::ordered_json config = runs[1].config.all;
  config["options"]["lr"] = 0.2;
  write_config(folder.path() / "e1", config);
  runs[1] = read_run(folder.path() / "e1");
  const Comparison apart(runs);
  REQUIRE(apart.groups().size() == 3);
  CHECK(apart.groups()[0].title == "erm: e0");
  CHECK(apart.groups()[1].title == "erm: e1");
  CHECK(mentions(message_of([] { Comparison{std::span<const Run>()}; }), "at least one run"));
}

TEST_CASE("what one run left out and another trained on is unseen for the first", "[report]") {
  const TemporaryFolder folder;
  for (const auto& [name, domain] : {std::pair("a", "FF-DF"), {"b", "FF-NT"}}) {
    write_config(folder.path() / name, {{"method", "erm"}, {"train_domains", {domain}}});
    write_evals(folder.path() / name,
                std::vector<EvalRow>{eval_row("FF", "FF-DF", .9), eval_row("FF", "FF-NT", .6),
                                     eval_row("FF", all_domains, .75)});
  }
  const std::vector<Run> runs{read_run(folder.path() / "a"), read_run(folder.path() / "b")};
  const Comparison comparison(runs);
  REQUIRE(comparison.groups().size() == 2);
  CHECK(comparison.groups()[1].title == "erm, trained on FF-NT");
  CHECK(comparison.domains().size() == 2);
  CHECK(comparison.never_trained().empty());
  CHECK(comparison.mean_auc(comparison.groups()[0], false, frame_level).mean == .6);
  CHECK(comparison.mean_auc(comparison.groups()[1], false, frame_level).mean == .9);
  CHECK(count_of(report_html(runs), ">trained</td>") == 4);  // two methods, frame and video
}

TEST_CASE("a detector of real forgeries, judged on made ones, is called judged on made ones",
          "[report]") {
  const TemporaryFolder folder;
  for (const std::string dataset : {"Synthetic-SBI", "Celeb-DF-v2"}) {
    const fs::path run = folder.path() / dataset;
    write_config(run, {{"method", "erm"}, {"train_domains", {"FF-DF"}}, {"synthetic", false}});
    write_evals(run, std::vector<EvalRow>{eval_row(dataset, dataset + "_fake", .9)});
    const std::vector<Run> runs{read_run(run)};
    CHECK(Comparison(runs).synthetic() == (dataset == "Synthetic-SBI"));
    CHECK(mentions(report_html(runs), "Synthetic forgeries") == (dataset == "Synthetic-SBI"));
  }
}

TEST_CASE("a report is one page with every part", "[report]") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", run = folder.path() / "run";
  MiniatureFaceForensics{data}.write();
  write_run(run, "roga", 0, .7, 1, true);
  nlohmann::ordered_json config = read_run(run).config.all;
  config["data"] = data.string();
  config["note"] = "<script>";
  config["data_fingerprint"] = "0123abcd";
  config["versions"] = {{"roga", "9.8.7"}, {"libtorch", "1.13.1"}};
  write_config(run, config);
  write_text(run / "audit.csv", "statistic,FF-DF\nmean red,0.5\nsharpness,0.91\n");
  const std::vector<fs::path> folders{run};
  CHECK(write_report(folders) == run / "report.html");
  const std::string html = read_text(run / "report.html");

  const std::size_t body = html.find("<body>");
  CHECK(html.substr(body, 60).starts_with("<body>\n<p class=\"notice\">Synthetic forgeries: "));
  CHECK(mentions(html, "<img "));
  write_report(folders, folder.path() / "plain.html", {.notice = "9 people <", .pictures = false});
  const std::string plain = read_text(folder.path() / "plain.html");
  CHECK(mentions(plain, "<body>\n<p class=\"notice\">9 people &lt; Synthetic forgeries: "));
  CHECK_FALSE(mentions(plain, "<img "));
  for (const char* id : {"summary", "transfer", "training", "roc", "scores", "examples", "audit",
                         "measures", "configuration", "glossary"}) {
    CAPTURE(id);
    CHECK(count_of(html, std::string("<section id=\"") + id + '"') == 1);
    CHECK(count_of(html, std::string("href=\"#") + id + '"') == 1);
  }
  CHECK(mentions(html, "synthetic-DF"));
  CHECK(mentions(html, "<td class=\"num flag\">0.910</td>"));
  CHECK(mentions(html, "&lt;script&gt;"));
  CHECK_FALSE(mentions(html, "<script"));
  const std::string configuration = html.substr(html.find("id=\"configuration\""));
  for (const char* value : {"data_fingerprint", "0123abcd", "versions.roga", "9.8.7", "1.13.1"}) {
    CHECK(mentions(configuration, std::string(">") + value + "</td>"));
  }
  // Each number of the summary says its level.
  CHECK(mentions(html, "<td>frame AUC</td>"));
  CHECK(mentions(html, "<td>video AUC</td>"));
  // Two real test videos with one fake each.
  CHECK(count_of(html, "<img src=\"data:image/png;base64,iVBORw0KGgo") == 4);
  // Nothing from outside.
  CHECK_FALSE(mentions(html, "<link"));
  CHECK_FALSE(mentions(html, "src=\"http"));
  CHECK(count_of(html, "<svg") == count_of(html, "</svg>"));
  CHECK(count_of(html, "<table>") == count_of(html, "</table>"));
  CHECK(count_of(html, "<details") == count_of(html, "</details>"));

  fs::remove_all(data);
  write_report(folders);
  CHECK(mentions(read_text(run / "report.html"), "Left out, the images could not be read: "));
}

TEST_CASE("a report of real data has no notice and needs no results", "[report]") {
  const TemporaryFolder folder;
  write_config(folder.path(), {{"method", "erm"}});
  const std::vector<Run> runs{read_run(folder.path())};
  const std::string html = report_html(runs);
  CHECK_FALSE(mentions(html, "class=\"notice\""));
  CHECK(mentions(html, "No test results yet"));
}

TEST_CASE("bytes become base64", "[report]") {
  const auto base64 = [](const std::string& text) {
    return png_url({text.begin(), text.end()}).substr(22);
  };
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("axes have round ticks around the values", "[charts]") {
  const Axis axis = round_axis("x", 0.13, 0.88);
  CHECK(axis.low == Approx(0));
  CHECK(axis.high == Approx(1));
  CHECK(axis.ticks.size() == 6);
  CHECK(axis.digits == 1);
  const Axis large = round_axis("x", 0, 12345);
  CHECK(large.high == Approx(15000));
  CHECK(large.digits == 0);
  const Axis up_to_one = round_axis("AUC", 0.52, 1);
  CHECK(up_to_one.low == Approx(.5));
  CHECK(up_to_one.high == Approx(1));
  const Axis none = round_axis("x", 3, 3);
  CHECK(none.high > none.low);
}

TEST_CASE("a plot puts values where its axes say", "[charts]") {
  const Plot plot(200, 100, {"x", 0, 10}, {"y", 0, 1}, "test");
  const Point low = plot.at(0, 0), high = plot.at(10, 1), middle = plot.at(5, .5);
  CHECK(middle.x == Approx((low.x + high.x) / 2));
  CHECK(middle.y == Approx((low.y + high.y) / 2));
  CHECK(high.y < low.y);
  CHECK(plot.at(99, 0).x == high.x);
}

TEST_CASE("charts tell their values to those who hover", "[charts]") {
  const std::vector<Series> few{{"erm", 0, {{10, .5}, {20, .625}}, {{10, .9}, {20, .9}}}};
  const std::string chart = line_chart(few, "level", "AUC", "test", "clean");
  CHECK(count_of(chart, "<circle") == 2);
  CHECK(mentions(chart, "<title>erm: AUC 0.625 at 20</title>"));
  CHECK(mentions(chart, "<title>erm, clean</title>"));
  CHECK(mentions(chart, ">0.9</text>"));  // the axis covers the faint line
  Series many{"<roga>", 1, {}};
  for (int n = 0; n < 1000; ++n) many.points.push_back({n * 1., 1.});
  const std::string curve = line_chart(std::vector{many}, "step", "loss", "test");
  CHECK(count_of(curve, "class=\"spot\"") < 30);
  CHECK(mentions(curve, "<title>&lt;roga&gt;: loss 1.000 at 0</title>"));
  // Levels below one fill the axis.
  const std::vector<Series> small{{"erm", 0, {{.01, .9}, {.05, .6}}}};
  CHECK(mentions(line_chart(small, "noise", "AUC", "test"), "<circle cx=\"388\""));
  CHECK(mentions(score_histogram(std::vector{.1, .9, .8}, std::vector{0, 1, 1}, "test"),
                 "<title>fake: 2 frames</title>"));
}

TEST_CASE("curves are thinned and smoothed for the screen", "[charts]") {
  std::vector<Point> points;
  for (int n = 0; n < 1000; ++n) points.push_back({n * 1., n % 2 * 1.});
  const std::vector<Point> few = thinned(points, 100);
  REQUIRE(few.size() == 100);
  CHECK(few[0].x == Approx(4.5));
  CHECK(few[0].y == Approx(.5));
  CHECK(thinned(points, 5000).size() == 1000);
  const std::vector<Point> smooth = smoothed(std::vector<Point>{{0, 1}, {1, 0}, {2, 0}}, .9);
  CHECK(smooth[0].y == 1);
  CHECK(smooth[2].y == Approx(.81));

  std::vector<double> scores;
  std::vector<int> labels;
  for (int n = 0; n < 5000; ++n) {
    scores.push_back(n);
    labels.push_back(n % 3 == 0);
  }
  const std::vector<Point> roc = roc_points(scores, labels);
  CHECK(roc.size() < 900);
  CHECK(roc.front().x == 0);
  CHECK(roc.back().y == 1);
}
