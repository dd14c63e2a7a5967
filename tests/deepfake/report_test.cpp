// SPDX-License-Identifier: MIT
#include "report/report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "report/charts.hpp"
#include "report/html.hpp"
#include "report/replace_file.hpp"
#include "report/table.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

EvalRow eval_row(const std::string& dataset, const std::string& domain, double auc_value,
                 const std::string& level = frame_level) {
  EvalRow row{1, dataset, domain, "test", level, {}};
  row.metrics.auc = auc_value;
  return row;
}

/// A finished run on FF-DF, tested on FF-DF and on the unseen Celeb-DF-v2.
void write_run(const fs::path& folder, const std::string& method, int seed, double unseen_auc,
               double step_seconds, bool synthetic = false) {
  write_config(folder, {{"name", folder.filename().string()},
                        {"method", method},
                        {"seed", seed},
                        {"synthetic", synthetic},
                        {"train_datasets", {"FF-DF"}},
                        {"train_domains", {"FF-DF"}},
                        {"options", {{"seed", seed}, {"lr", 0.1}}}});
  HistoryWriter history(folder, {"loss FF-DF"});
  for (int step = 1; step <= 5; ++step) {
    history.write({.step = step,
                   .epoch = 0,
                   .lr = .1,
                   .loss = 1. / step,
                   .img_s = 10,
                   .step_seconds = step == 5 ? 100 : step_seconds,
                   .grad_norm = 1,
                   .extra = {{"loss FF-DF", 1. / step}}});
  }
  write_evals(folder, std::vector<EvalRow>{
                          eval_row("FF-DF", "FF-DF", .1), eval_row("FF-DF", "FF-DF", .9),
                          eval_row("FF-DF", "FF-DF", .95, video_level),
                          eval_row("Celeb-DF-v2", "CelebDFv2_fake", unseen_auc),
                          eval_row("Celeb-DF-v2", "CelebDFv2_fake", unseen_auc, video_level)});
  std::vector<FrameScore> scores;
  for (int n = 0; n < 20; ++n) {
    const std::string video = std::to_string(n);
    scores.push_back({"FF-DF", "FF-real", video, "0", 0, n / 40.});
    scores.push_back({"FF-DF", "FF-DF", video + "_x", "0", 1, n / 25.});
  }
  write_scores(folder, scores);
}

}  // namespace

TEST_CASE("a table aligns its columns", "[table]") {
  Table table({"name", "AUC", "n"});
  table.add({"erm", "0.5", "7"});
  table.add_rule();
  table.add({"größer", "0.75 ± 0.1"});
  CHECK(table.size() == 2);
  CHECK(table.text() ==
        "name           AUC  n\n"
        "------  ----------  -\n"
        "erm            0.5  7\n"
        "------  ----------  -\n"
        "größer  0.75 ± 0.1\n");
  CHECK(mentions(message_of([&] { table.add({"1", "2", "3", "4"}); }), "4 cells"));
}

TEST_CASE("numbers are printed with fixed decimals", "[table]") {
  CHECK(fixed(0.12345) == "0.123");
  CHECK(fixed(-0.0001) == "0.000");
  CHECK(fixed(2.5, 0) == "2");
  CHECK(fixed(std::nan("")) == "-");
  CHECK(fixed(1e30, 1).size() == 33);
}

TEST_CASE("doubles survive CSV files bit for bit", "[csv]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.csv";
  const std::vector<double> values{0.1,
                                   1. / 3,
                                   -2.5e-308,
                                   5e-324,
                                   1.7976931348623157e308,
                                   1e21,
                                   123456789,
                                   std::numeric_limits<double>::infinity()};
  CsvWriter writer(file, {"name, with comma", "value"});
  for (const double value : values) writer.write({"a \"quoted\"\nname", to_csv(value)});
  writer.write({"", to_csv(std::nan(""))});
  const CsvTable table = read_csv(file);
  CHECK(table.columns[0] == "name, with comma");
  REQUIRE(table.rows.size() == values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(table.rows[i][0] == "a \"quoted\"\nname");
    CHECK(table.number(i, 1) == values[i]);
  }
  CHECK(std::isnan(table.number(values.size(), 1)));
  CHECK(to_csv(0.1) == "0.1");
}

TEST_CASE("a malformed CSV file is one clear line", "[csv]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.csv";
  CHECK(mentions(message_of([&] { read_csv(file); }), "a.csv: cannot be opened"));
  write_text(file, "");
  CHECK(mentions(message_of([&] { read_csv(file); }), "no header line"));
  write_text(file, "a,b\r\n1,x\r\n2\r\n");
  CHECK(
      mentions(message_of([&] { read_csv(file); }), "a.csv: line 3 has 1 cells, the header has 2"));
  write_text(file, "a,b\r\n1,x\r\n2,");
  const CsvTable table = read_csv(file);  // the last line was cut off
  CHECK(table.rows == std::vector<std::vector<std::string>>{{"1", "x"}});
  CHECK(
      mentions(message_of([&] { (void)table.column("c"); }), "no column 'c'; its columns are a b"));
  CHECK(mentions(message_of([&] { (void)table.number(0, 1); }),
                 "line 2, column b: 'x' is not a number"));

  CHECK(mentions(message_of([&] { CsvWriter(file, {"other"}, CsvWriter::Mode::append); }),
                 "other columns"));
  CHECK(mentions(message_of([&] { CsvWriter(file, {"a"}).write({"1", "2"}); }), "2 cells"));
  CHECK(mentions(message_of([&] { CsvWriter(folder.path() / "no" / "a.csv", {"a"}); }),
                 "cannot be written: No such file"));
  if (fs::exists("/dev/full")) {
    CHECK(mentions(message_of([&] { CsvWriter("/dev/full", {"a"}); }), "No space left"));
  }
}

TEST_CASE("replacing a file that cannot be written leaves the old one", "[csv]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.txt";
  replace_file(file, "old");
  fs::create_directory(folder.path() / "a.txt.tmp");  // stands in the way
  CHECK(mentions(message_of([&] { replace_file(file, "new"); }), "a.txt: cannot be written"));
  CHECK(read_text(file) == "old");
  fs::remove(folder.path() / "a.txt.tmp");
  replace_file(file, "new");
  CHECK(read_text(file) == "new");
}

TEST_CASE("a resumed history continues after its last step", "[run]") {
  const TemporaryFolder folder;
  const auto row = [](int step) {
    return HistoryRow{.step = step, .loss = .1 * step, .extra = {{"rho", .05}}};
  };
  {
    HistoryWriter writer(folder.path(), {"rho"});
    for (int step = 1; step <= 4; ++step) writer.write(row(step));
    CHECK(mentions(message_of([&] { writer.write({.step = 5}); }), "rho"));
  }
  // Killed while it wrote a row.
  std::ofstream(folder.path() / "history.csv", std::ios::app) << "5,0,0.";
  {
    HistoryWriter writer(folder.path(), {"rho"}, CsvWriter::Mode::append, 3);
    writer.write(row(4));
    writer.write(row(5));
  }
  const std::vector<HistoryRow> rows = read_history(folder.path());
  REQUIRE(rows.size() == 5);
  for (int step = 1; step <= 5; ++step) {
    const HistoryRow& read = rows[static_cast<std::size_t>(step) - 1];
    CHECK(read.step == step);
    CHECK(read.loss == .1 * step);
    CHECK(read.extra.at("rho") == .05);
  }
  HistoryWriter(folder.path(), {"rho"});
  CHECK(read_history(folder.path()).empty());
}

TEST_CASE("evaluations and scores read back as written", "[run]") {
  const TemporaryFolder folder;
  const std::vector<FrameScore> scores{{"A", "A_real", "v, 1", "0", 0, 1. / 3},
                                       {"A", "A_fake", "v, 1", "0", 1, 2. / 3},
                                       {"B", "B_fake", "w", "10", 1, 1e-9},
                                       {"B", "B_real", "u", "10", 0, .25}};
  write_scores(folder.path(), scores);
  CHECK(fs::exists(folder.path() / "scores" / "A.csv"));
  const std::vector<FrameScore> read = read_scores(folder.path());
  REQUIRE(read.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(read[i].dataset == scores[i].dataset);
    CHECK(read[i].domain == scores[i].domain);
    CHECK(read[i].video == scores[i].video);
    CHECK(read[i].frame == scores[i].frame);
    CHECK(read[i].label == scores[i].label);
    CHECK(read[i].prob == scores[i].prob);
  }

  const std::vector<EvalRow> rows = evaluate_frames(scores, 3, "test");
  write_evals(folder.path(), rows);
  const std::vector<EvalRow> again = read_evals(folder.path());
  REQUIRE(again.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(again[i].epoch == 3);
    CHECK(again[i].dataset == rows[i].dataset);
    CHECK(again[i].domain == rows[i].domain);
    CHECK(again[i].split == "test");
    CHECK(again[i].level == rows[i].level);
    const Metrics &a = again[i].metrics, &b = rows[i].metrics;
    CHECK(a.n_real == b.n_real);
    CHECK(a.n_fake == b.n_fake);
    CHECK(std::vector{a.auc, a.auc_low, a.auc_high, a.eer, a.eer_interpolated, a.ap, a.acc, a.bacc,
                      a.tpr_at_1, a.tpr_at_5, a.tpr_at_10, a.brier, a.ece} ==
          std::vector{b.auc, b.auc_low, b.auc_high, b.eer, b.eer_interpolated, b.ap, b.acc, b.bacc,
                      b.tpr_at_1, b.tpr_at_5, b.tpr_at_10, b.brier, b.ece});
  }
  const std::string header = read_text(folder.path() / "eval.csv");
  CHECK(
      header.starts_with("epoch,dataset,domain,split,level,n_real,n_fake,auc,auc_low,auc_high,eer,"
                         "eer_interpolated,ap,acc,bacc,tpr@1,tpr@5,tpr@10,brier,ece\n"));
}

TEST_CASE("a run folder without a configuration is named", "[run]") {
  const TemporaryFolder folder;
  CHECK(mentions(message_of([&] { read_run(folder.path()); }), "config.json: cannot be opened"));
  write_text(folder.path() / "config.json", "{");
  CHECK(mentions(message_of([&] { read_run(folder.path()); }), "config.json: "));
  write_text(folder.path() / "config.json", R"({"train_domains": [1]})");
  CHECK(mentions(message_of([&] { read_run(folder.path()); }), "\"train_domains\" must be a list"));
  write_text(folder.path() / "config.json", "{}");
  const Run run = read_run(folder.path() / "");
  CHECK(run.config.name == folder.path().filename());
  CHECK(run.evals.empty());
}

TEST_CASE("names of rendered data say so", "[run]") {
  CHECK(domain_title("FF-DF", true) == "synthetic-DF");
  CHECK(domain_title("FF-DF", false) == "FF-DF");
  CHECK(domain_title("Synthetic-SBI_fake", true) == "synthetic-SBI");
  CHECK(domain_title("CelebDFv2_fake", false) == "CelebDFv2");
  CHECK(dataset_title("FaceForensics++", true) == "synthetic-FF++");
}

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

  write_comparison(comparison, frame_level, folder.path() / "compare.csv");
  const CsvTable table = read_csv(folder.path() / "compare.csv");
  CHECK(table.columns == std::vector<std::string>{"method", "seeds", "validation", "in-domain",
                                                  "FF-DF", "CelebDFv2", "mean unseen", "s/step",
                                                  "x ERM"});
  CHECK(table.number(0, table.column("mean unseen")) == Approx(.65));
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

TEST_CASE("a report is one page with every part", "[report]") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data", run = folder.path() / "run";
  MiniatureFaceForensics{data}.write();
  write_run(run, "roga", 0, .7, 1, true);
  nlohmann::ordered_json config = read_run(run).config.all;
  config["data"] = data.string();
  config["note"] = "<script>";
  write_config(run, config);
  write_text(run / "audit.csv", "statistic,FF-DF\nmean red,0.5\nsharpness,0.91\n");
  const std::vector<fs::path> folders{run};
  CHECK(write_report(folders) == run / "report.html");
  const std::string html = read_text(run / "report.html");

  const std::size_t body = html.find("<body>");
  CHECK(html.substr(body, 60).starts_with("<body>\n<p class=\"notice\">Synthetic forgeries: "));
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
