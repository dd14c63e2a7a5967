// SPDX-License-Identifier: MIT
// No detector is credited with unseen forgeries that it was trained on.
#include "data/trained_on.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "report/comparison.hpp"
#include "report/report.hpp"
#include "sample_data.hpp"
#include "sample_runs.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// FF-DF.json and FF-F2F.json, and beside them FaceForensics++.json, which lists both once more.
class RepeatedData {
 public:
  RepeatedData() {
    MiniatureFaceForensics{folder.path()}.write();
    int n = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder.path() / "rgb")) {
      if (file.is_regular_file()) write_picture(file.path(), {1.0 * ++n, 2, 3});
    }
    json all;
    for (const std::string name : {"FF-DF", "FF-F2F"}) all.update(read(name), true);
    write("FaceForensics++", all);
  }

  json read(const std::string& name) const {
    return json::parse(read_text(folder.path() / "dataset_json" / (name + ".json")))[name];
  }
  void write(const std::string& name, const json& labels) const {
    write_text(folder.path() / "dataset_json" / (name + ".json"), json{{name, labels}}.dump());
  }
  /// The fakes of one label, under other names and elsewhere if @p from is not empty.
  void repeat(const std::string& name, const std::string& label, const std::string& from = "",
              const std::string& to = "") const {
    std::string text = read("FF-DF").dump();
    for (const auto& [old, fresh] : {std::pair("FF-DF", label), {"FF-real", name + "_real"}}) {
      replace(text, '"' + std::string(old) + '"', '"' + fresh + '"');
    }
    if (!from.empty()) replace(text, from, to);
    write(name, json::parse(text));
  }
  Index load() const {
    return load_index(locate_data(folder.path()), {.labels = {{"fake", {true}}}});
  }

  TemporaryFolder folder;

 private:
  static void replace(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
};

/// A run on FF-DF of FaceForensics++.
TrainedOn trained(const Index& index, const fs::path& run) {
  write_trained_on(
      run,
      select(index, {.datasets = {"FaceForensics++"}, .split = "train", .domains = {"FF-DF"}}));
  return {run, {"FF-DF"}};
}

Relation relation(const TrainedOn& trained_on, const Index& index, const std::string& dataset,
                  const std::string& label) {
  return trained_on.to(index, select(index, {.datasets = {dataset}, .split = "test"}), label);
}

}  // namespace

TEST_CASE("a data set under another name that repeats trained forgeries is trained on",
          "[trained]") {
  const RepeatedData data;
  data.repeat("Renamed", "Renamed_fake");
  fs::copy(data.folder.path() / "rgb" / "FaceForensics++", data.folder.path() / "rgb" / "Copy",
           fs::copy_options::recursive);
  data.repeat("Copied", "Copied_fake", "FaceForensics++/", "Copy/");
  data.repeat("Generic", "fake", "FaceForensics++/", "Copy/");
  const Index index = data.load();
  const TemporaryFolder run;
  const TrainedOn trained_on = trained(index, run.path());
  REQUIRE(trained_on.has_list());

  const Relation itself = relation(trained_on, index, "FaceForensics++", "FF-DF");
  CHECK(itself.is_trained);
  CHECK(itself.overlap.empty());
  const Relation beside = relation(trained_on, index, "FF-DF", "FF-DF");
  CHECK(beside.is_trained);
  CHECK(beside.source == itself.source);
  CHECK(mentions(beside.overlap, "the label FF-DF was trained on"));
  const Relation renamed = relation(trained_on, index, "Renamed", "Renamed_fake");
  CHECK(renamed.is_trained);
  CHECK(mentions(renamed.overlap,
                 "manipulated_sequences/Deepfakes/frames like FaceForensics++ > "
                 "FF-DF"));
  const Relation copied = relation(trained_on, index, "Copied", "Copied_fake");
  CHECK(copied.is_trained);
  CHECK(mentions(copied.overlap, "2 videos with frames that were trained on"));
  CHECK(relation(trained_on, index, "Generic", "fake").is_trained);

  for (const std::string dataset : {"FaceForensics++", "FF-F2F"}) {
    const Relation other = relation(trained_on, index, dataset, "FF-F2F");
    CHECK_FALSE(other.is_trained);
    CHECK(other.overlap.empty());
  }
}

TEST_CASE("copies under other names of videos are known by their frames", "[trained]") {
  const RepeatedData data;
  fs::copy(data.folder.path() / "rgb" / "FaceForensics++", data.folder.path() / "rgb" / "Copy",
           fs::copy_options::recursive);
  json labels = data.read("FF-DF"), renamed;
  for (const auto& [label, splits] : labels.items()) {
    const std::string fresh = label == "FF-DF" ? "Odd_fake" : "Odd_real";
    for (const auto& [split, compressions] : splits.items()) {
      for (const auto& [compression, videos] : compressions.items()) {
        int n = 0;
        for (json video : videos) {
          video["label"] = fresh;
          for (json& frame : video["frames"]) {
            frame =
                "Copy/" + frame.get<std::string>().substr(std::string("FaceForensics++/").size());
          }
          renamed[fresh][split][compression]["clip" + std::to_string(n++)] = video;
        }
      }
    }
  }
  data.write("Odd", renamed);
  for (json& splits : renamed) splits = json{{"test", splits["test"]}};
  data.write("TestAlone", renamed);
  const Index index = data.load();
  const TemporaryFolder run;
  const TrainedOn trained_on = trained(index, run.path());
  const Relation copied = relation(trained_on, index, "Odd", "Odd_fake");
  CHECK(copied.is_trained);
  CHECK(mentions(copied.overlap, "2 videos with frames that were trained on"));
  // Only videos that were not trained on, of forgeries that were.
  const Relation alone = relation(trained_on, index, "TestAlone", "Odd_fake");
  CHECK(alone.is_trained);
  CHECK(mentions(alone.overlap, "2 videos are those of FaceForensics++ > FF-DF"));
}

TEST_CASE("frames that all videos share are no evidence", "[trained]") {
  const TemporaryFolder folder, run;
  MiniatureFaceForensics{folder.path()}.write();  // all of one colour
  const Index index = load_index(locate_data(folder.path()));
  write_trained_on(run.path(), select(index, {.datasets = {"FF-DF"}, .split = "train"}));
  const TrainedOn trained_on(run.path(), {"FF-DF"});
  CHECK_FALSE(relation(trained_on, index, "FF-F2F", "FF-F2F").is_trained);
}

TEST_CASE("equal labels that any data set may use are no evidence", "[trained]") {
  const RepeatedData data;
  data.repeat("One", "fake");
  const auto elsewhere = data.folder.path() / "rgb" / "Elsewhere";
  fs::copy(data.folder.path() / "rgb" / "FaceForensics++", elsewhere, fs::copy_options::recursive);
  for (const auto& file : fs::recursive_directory_iterator(elsewhere)) {
    if (file.is_regular_file()) write_picture(file.path(), {1, 2, 3});
  }
  data.repeat("Two", "fake", "FaceForensics++/", "Elsewhere/");
  const Index index = data.load();
  const TemporaryFolder run;
  write_trained_on(run.path(), select(index, {.datasets = {"One"}, .split = "train"}));
  const TrainedOn trained_on(run.path(), {"fake"});
  CHECK(relation(trained_on, index, "One", "fake").is_trained);
  CHECK_FALSE(relation(trained_on, index, "Two", "fake").is_trained);
}

TEST_CASE("test videos and people that were trained on are named", "[trained]") {
  const RepeatedData data;
  const Index index = data.load();
  const TemporaryFolder run;
  const TrainedOn trained_on = trained(index, run.path());
  const Index train = select(index, {.datasets = {"FF-F2F"}, .split = "train"});
  const Relation same = trained_on.to(index, train, "FF-F2F");
  CHECK_FALSE(same.is_trained);
  CHECK(mentions(same.overlap, "2 test videos were trained on"));  // the reals
  CHECK(mentions(same.overlap, "test people who were trained on: 2"));
}

TEST_CASE("a run without a list of its videos is judged by labels, and says so", "[trained]") {
  const RepeatedData data;
  const Index index = data.load();
  const TemporaryFolder run;
  const TrainedOn trained_on(run.path(), {"FF-DF"});
  CHECK_FALSE(trained_on.has_list());
  const Relation of_trained = relation(trained_on, index, "FF-DF", "FF-DF");
  CHECK(of_trained.is_trained);
  CHECK(mentions(of_trained.overlap, "judged by the label alone"));
  CHECK_FALSE(relation(trained_on, index, "FF-F2F", "FF-F2F").is_trained);
}

TEST_CASE("evaluation looks at data sets that repeat another's videos", "[trained]") {
  const RepeatedData data;
  const std::vector<Index> parts = by_dataset(data.load(), {.split = "test"});
  REQUIRE(parts.size() == 3);
  CHECK(parts[2].videos.front().dataset == "FaceForensics++");
  CHECK(parts[2].videos.size() == 6);
}

TEST_CASE("a manipulation that two data sets list enters each mean once", "[trained][report]") {
  ManipulationMean mean;
  CHECK(std::isnan(mean.mean()));
  mean.add({.label = "FF-DF"}, .5);
  mean.add({.label = "FF-DF"}, .7);
  mean.add({.label = "fake"}, .9);
  mean.add({.label = "fake"}, .9);
  mean.add({.label = "X_fake", .source = "s"}, 1);
  mean.add({.label = "Y_fake", .source = "s"}, 0);
  CHECK(mean.count() == 4);
  CHECK(mean.mean() == Approx((.6 + .9 + .9 + .5) / 4));

  const TemporaryFolder folder;
  write_config(
      folder.path(),
      {{"method", "erm"}, {"train_datasets", {"FaceForensics++"}}, {"train_domains", {"FF-DF"}}});
  const auto row = [](const std::string& dataset, const std::string& domain, double auc,
                      const std::string& trained, const std::string& source) {
    EvalRow one = eval_row(dataset, domain, auc);
    one.trained = trained;
    one.source = source;
    one.overlap = dataset == "FF-DF" ? "the label FF-DF was trained on" : "";
    return one;
  };
  write_evals(folder.path(),
              std::vector<EvalRow>{row("FaceForensics++", "FF-DF", .9, "yes", "a"),
                                   row("FF-DF", "FF-DF", .9, "yes", "a"),
                                   row("FaceForensics++", "FF-NT", .6, "no", "b"),
                                   row("FF-NT", "FF-NT", .6, "no", "b"),
                                   row("Celeb-DF-v2", "CelebDFv2_fake", .8, "no", "c")});
  const std::vector<Run> runs{read_run(folder.path())};
  const Comparison comparison(runs);
  const RunGroup& group = comparison.groups().front();
  CHECK(comparison.is_trained(group, {"FF-DF", "FF-DF"}));
  CHECK(comparison.mean_auc(group, true, frame_level).mean == Approx(.9));
  CHECK(comparison.mean_auc(group, false, frame_level).mean == Approx(.7));
  const std::string html = report_html(runs);
  CHECK(mentions(html, "tested on 3 manipulations, of which 2 never trained on"));
  CHECK(mentions(html, "FF-DF (FF-DF) counts as trained on: the label FF-DF was trained on."));
}

TEST_CASE("results of an older version are judged by labels, and the report says so",
          "[trained][report]") {
  const TemporaryFolder folder;
  write_config(
      folder.path(),
      {{"method", "erm"}, {"train_datasets", {"FaceForensics++"}}, {"train_domains", {"FF-DF"}}});
  write_evals(folder.path(), std::vector<EvalRow>{eval_row("FF-DF", "FF-DF", .9)});
  const std::vector<Run> runs{read_run(folder.path())};
  const Comparison comparison(runs);
  CHECK(comparison.is_trained(comparison.groups().front(), {"FF-DF", "FF-DF"}));
  CHECK(mentions(report_html(runs), "evaluate again"));
}
