// SPDX-License-Identifier: MIT
// Tables, CSV files and the files of a run folder.
#include "runs/run_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "files/folder_lock.hpp"
#include "files/replace_file.hpp"
#include "report/comparison.hpp"
#include "report/report.hpp"
#include "sample_data.hpp"
#include "sample_runs.hpp"
#include "support/catch.hpp"
#include "text/table.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

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

TEST_CASE("compressions of one data set stand side by side", "[run][compression]") {
  const TemporaryFolder folder;
  const auto scores = [](const std::string& compression, double shift) {
    std::vector<FrameScore> frames;
    for (const auto& [label, name] : {std::pair(0, "FF-real"), {1, "FF-DF"}}) {
      for (const double prob : {.3, .6}) {
        frames.push_back(
            {"FF", name, "000", prob > .5 ? "1" : "0", label, prob + shift * label, compression});
      }
    }
    return frames;
  };
  std::vector<FrameScore> both = scores("c23", .4);
  const std::vector<FrameScore> c40 = scores("c40", -.29);
  both.insert(both.end(), c40.begin(), c40.end());
  CHECK(video_scores(both).size() == 4);
  const std::vector<EvalRow> rows = evaluate_frames(both, 1, "test");
  REQUIRE(rows.size() == 4);
  CHECK(rows[0].compression == "c23");
  CHECK(rows[0].metrics.auc == 1);
  CHECK(rows[0].metrics.n_real == 2);
  CHECK(rows[2].compression == "c40");
  CHECK(rows[2].metrics.auc == .25);
  write_evals(folder.path(), rows);
  CHECK(read_evals(folder.path())[2].compression == "c40");

  // A later evaluation of one leaves the other; scores of an older version are replaced.
  std::vector<FrameScore> old = scores("", 0);
  write_scores(folder.path(), old);
  write_scores(folder.path(), scores("c23", .1));
  write_scores(folder.path(), c40);
  write_scores(folder.path(), scores("c23", .4));
  const std::vector<FrameScore> read = read_scores(folder.path());
  REQUIRE(read.size() == 8);
  CHECK(evaluate_frames(read, 1, "test")[0].metrics.auc == .25);  // c40
  CHECK(evaluate_frames(read, 1, "test")[2].metrics.auc == 1);
  CHECK(std::ranges::count(read, "c40", &FrameScore::compression) == 4);

  write_config(folder.path(), {{"method", "erm"}, {"train_domains", {"FF-DF"}}});
  const std::vector<Run> runs{read_run(folder.path())};
  const Comparison comparison(runs);
  REQUIRE(comparison.domains().size() == 2);
  CHECK(comparison.domains()[0].title == "FF-DF c23");
  CHECK(comparison.auc(comparison.groups()[0], comparison.domains()[1], frame_level).mean == .25);
  CHECK(comparison.mean_auc(comparison.groups()[0], true, frame_level).mean == .625);
  CHECK(mentions(report_html(runs), "FF-DF c40"));
}

TEST_CASE("one process at a time works in a run's folder", "[run][lock]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  write_text(run / "lock", "12345");  // of a process that died
  {
    const FolderLock lock(run);
    const std::string message = message_of([&] { FolderLock second(run); });
    CHECK(mentions(message, run.string() + ": another process (" + std::to_string(::getpid()) +
                                ") works in that run"));
    CHECK(mentions(message, "name another folder"));
    FolderLock elsewhere(folder.path() / "other");
  }
  CHECK(message_of([&] { FolderLock again(run); }).empty());
}
