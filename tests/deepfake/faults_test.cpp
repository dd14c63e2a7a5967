// SPDX-License-Identifier: MIT
// A data set as somebody's script may leave it: used as far as it goes, with every fault named.
#include "data/faults.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "data/check.hpp"
#include "data/image_cache.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// Own.json with Windows paths. Frame n of a video is of brightness n.
class HostileData {
 public:
  HostileData() {
    add("Own_real", "train", "whole", {0, 1, 2, 3, 4, 5, 6, 7});
    add("Own_real", "train", "gaps", {0, 1, 2, 3, 4, 5, 6, 7});
    add("Own_fake", "train", "single", {3});
    add("Own_fake", "train", "absent", {0, 1});
    add("Own_fake", "train", "broken", {0, 1, 2, 3, 4});
    add("Own_fake", "train", "rotten", {0, 1});
    add("odd", "train", "stray", {0, 1});
    add("odd", "test", "stray", {0});
    add("Own_fake", "train", "listed", {});
    for (const int n : {1, 2, 5}) fs::remove(file("gaps", n));
    fs::remove_all(file("absent", 0).parent_path());
    for (const int n : {1, 2, 3}) write_text(file("broken", n), "no picture");
    for (const int n : {0, 1}) write_text(file("rotten", n), "");
    cv::imwrite(file("single", 3).string(), cv::Mat(4, 4, CV_8UC1, cv::Scalar(3)));
    write_text(folder_.path() / "Own.json", json{{"Own", index_}}.dump());
  }

  fs::path file(const std::string& video, int frame) const {
    return folder_.path() / "rgb" / "own" / video / (std::to_string(frame) + ".png");
  }
  Index load(const LoadOptions& options = {}) const {
    return load_index(locate_data(folder_.path()), options);
  }

 private:
  void add(const std::string& label, const std::string& split, const std::string& video,
           const std::vector<int>& frames) {
    json& entry = index_[label][split][video];
    entry["label"] = label;
    entry["frames"] = json::array();
    for (const int n : frames) {
      entry["frames"].push_back("D:\\sets\\own\\" + video + "\\" + std::to_string(n) + ".png");
      write_picture(file(video, n), {1.0 * n, 1.0 * n, 1.0 * n + 100});
    }
  }

  TemporaryFolder folder_;
  json index_;
};

std::vector<std::string> stems_of(const Index& index, const std::string& name) {
  std::vector<std::string> stems;
  for (const Video& video : index.videos) {
    if (video.name != name) continue;
    for (const fs::path& frame : video.frames) stems.push_back(frame.stem().string());
  }
  return stems;
}

std::size_t position(const Index& index, const std::string& name) {
  const auto found = std::ranges::find(index.videos, name, &Video::name);
  REQUIRE(found != index.videos.end());
  return static_cast<std::size_t>(found - index.videos.begin());
}

}  // namespace

TEST_CASE("faults: a hostile index is loaded without what is at fault", "[faults]") {
  const HostileData data;
  const Index index = data.load();
  CHECK(index.videos.size() == 5);
  CHECK(stems_of(index, "gaps") == std::vector<std::string>{"0", "3", "4", "6", "7"});
  CHECK(stems_of(index, "single") == std::vector<std::string>{"3"});
  CHECK(stems_of(index, "absent").empty());
  CHECK(faults_text(index) ==
        "unknown labels, their videos left out, 1: odd: 2 videos, the first Own > odd > test > "
        "stray\n"
        "videos without a frame, left out, 2: Own > Own_fake > train > absent, Own > Own_fake > "
        "train > listed\n"
        "videos that lack listed frames (3 in all), 1: Own > Own_real > train > gaps (3)");
  CHECK(faults_text(Index{}).empty());
}

TEST_CASE("faults: frames are spread over those that exist", "[faults]") {
  const HostileData data;
  const std::vector<std::string> spread{"0", "4", "7"};
  CHECK(stems_of(select(data.load(), {.frames_per_video = 3}), "gaps") == spread);
  CHECK(stems_of(data.load({.keep = {.frames_per_video = 3}}), "gaps") == spread);
}

TEST_CASE("faults: a selection has its own faults", "[faults]") {
  const HostileData data;
  const Index train = select(data.load(), {.split = "train"});
  CHECK(train.faults.unknown_labels.size() == 1);
  CHECK(train.faults.without_frames.size() == 2);
  CHECK(train.faults.missing_frames.size() == 1);
  CHECK(data.load({.keep = {.split = "train"}}).faults.unknown_labels.size() == 1);
  // A label that the caller classifies is no fault.
  CHECK(data.load({.labels = {{"odd", {true}}}}).faults.unknown_labels.empty());
}

TEST_CASE("faults: reals that several files list count once in a selection", "[faults]") {
  const TemporaryFolder folder;
  const MiniatureFaceForensics data{folder.path()};
  data.write();
  fs::remove(folder.path() / "rgb" / data.frame_path("original_sequences/youtube", "000", 1));
  const Index index = load_index(locate_data(folder.path()));
  CHECK(index.faults.missing_frames.size() == 2);
  CHECK(select(index, {}).faults.missing_frames.size() == 1);
}

TEST_CASE("faults: frames are found behind many videos that are not there", "[faults]") {
  const TemporaryFolder folder;
  json index;
  const auto add = [&](const std::string& name) {
    for (int n = 0; n < 40; ++n) {
      index["X"]["X_real"]["test"][name]["frames"].push_back("C:\\rgb\\x\\" + name + "\\" +
                                                             std::to_string(n) + ".png");
    }
  };
  for (const char* name : {"a", "b", "c", "d", "e"}) add(name);
  add("z");
  write_picture(folder.path() / "rgb" / "x" / "z" / "5.png");
  write_text(folder.path() / "X.json", index.dump());
  const Index loaded = load_index(locate_data(folder.path()));
  REQUIRE(loaded.videos.size() == 1);
  CHECK(loaded.faults.without_frames.size() == 5);
  CHECK(loaded.faults.missing_frames.at(0).count == 39);
}

TEST_CASE("faults: check-data sees all of them", "[faults][check]") {
  const HostileData data;
  const DataCheck check = check_data(data.load({.keep_missing = true}));
  CHECK_FALSE(check.ok());
  CHECK(check.unknown_labels == std::vector<std::string>{"odd: 2 videos, the first Own > odd > "
                                                         "test > stray"});
  CHECK(check.without_frames == std::vector<std::string>{"Own > Own_fake > train > listed"});
  CHECK(check.missing.size() == 5);
  CHECK(check.unreadable.size() == 5);
  CHECK(check.grey == 1);
  const std::string text = to_text(check);
  CHECK(mentions(text, "unknown labels, their videos not counted: 1\n  odd: 2 videos"));
  CHECK(mentions(text, "missing files: 5\n"));
  CHECK(mentions(text, "note, images without colour: 1\n"));
}

TEST_CASE("faults: the nearest readable frame stands in for a broken one", "[faults][cache]") {
  const HostileData data;
  const Index index = data.load();
  ImageCache cache(index, 4);
  const std::size_t broken = position(index, "broken");
  const auto brightness = [&](std::size_t frame) {
    return static_cast<int>(cache.get({broken, frame}).at<cv::Vec3b>(0, 0)[2]);
  };
  CHECK(brightness(3) == 4);
  CHECK(brightness(1) == 0);
  CHECK(brightness(2) == 0);  // as near as 4; the earlier one
  CHECK(brightness(4) == 4);
  CHECK_FALSE(cache.try_get({broken, 3}));
  CHECK(cache.try_get({broken, 4}));
  CHECK(cache.broken().size() == 3);
  CHECK(broken_text(cache.broken(), "skipped") ==
        "broken images, skipped, 3: " + data.file("broken", 1).string() + ", " +
            data.file("broken", 2).string() + ", " + data.file("broken", 3).string());

  const std::size_t rotten = position(index, "rotten");
  const std::string message = message_of([&] { cache.get({rotten, 1}); });
  CHECK(message_of([&] { cache.get({rotten, 0}); }) != "");
  CHECK(mentions(message, "Own > Own_fake > train > rotten: none of its frames can be read"));
  CHECK(mentions(message, data.file("rotten", 1).string()));
  CHECK(broken_text({}, "skipped").empty());
}

TEST_CASE("faults: an index that is not asked for never blocks", "[faults]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  // As DeepfakeBench writes DFDC before it is there; a list of pairs; frames that are elsewhere; a
  // file that was cut off.
  const auto [name, content] = GENERATE(table<std::string, std::string>({
      {"DFDC", R"({"DFDC": {"DFDC_Real": {"train": {}, "test": {}, "val": {"label": "DFDC_Real",
               "frames": []}}}})"},
      {"DFDC", R"({"DFDC": {"DFDC_Real": {"val": {"label": "DFDC_Real", "frames": null}}}})"},
      {"pairs", R"([["000", "003"]])"},
      {"UADFV", R"({"UADFV": {"UADFV_Real": {"test": {"v": {"frames": ["gone/v/0.png"]}}}}})"},
      {"Odd", R"({"Odd": {"mystery": {"test": {"v": {"frames": ["gone/v/0.png"]}}}}})"},
      {"Cut", R"({"Cut": {"Cut_real": {"te)"},
  }));
  write_text(folder.path() / "dataset_json" / (name + ".json"), content);
  const Index index = load_index(locate_data(folder.path()));
  CHECK(index.videos.size() == 16);
  REQUIRE(index.faults.bad_files.size() == 1);
  CHECK(index.faults.bad_files[0].dataset == name);
  CHECK(mentions(faults_text(index), "index files left out, 1: "));
  CHECK(mentions(faults_text(index), name + ".json"));
  CHECK(faults_text(select(index, {.datasets = {"FF-DF"}})).empty());
  // Asked for, it is an error that says why.
  CHECK(mentions(message_of([&] { select(index, {.datasets = {name}}); }), name + ".json"));
  CHECK(check_data(index).ok() == (name == "DFDC"));
  CHECK(mentions(to_text(check_data(index)), name + ".json"));
}

TEST_CASE("faults: entries that are no videos are named and left out", "[faults]") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "rgb" / "x" / "v" / "0.png");
  const auto with = [&](const std::string& entry) {
    write_text(folder.path() / "X.json",
               R"({"X": {"X_real": {"test": {"v": {"frames": ["x/v/0.png"]}, "w": )" + entry +
                   R"(}}, "X_fake": [], "train": {}}})");
    return load_index(locate_data(folder.path()));
  };
  for (const std::string entry : {"{}", "null", "[]", R"({"frames": null})", R"(["x/v/0.png"])",
                                  R"({"frames": [7]})", R"({"frames": {"0": "x/v/0.png"}})"}) {
    CAPTURE(entry);
    const Index index = with(entry);
    CHECK(index.videos.size() == 1);
    REQUIRE(index.faults.odd_entries.size() == 3);
    CHECK(mentions(faults_text(index), "entries that are no videos, left out, 3: "));
    CHECK(mentions(faults_text(index), "X > X_real > test > w"));
    CHECK(mentions(faults_text(index), "X > X_fake is not a JSON object"));
    const DataCheck check = check_data(index);
    CHECK(check.odd_entries.size() == (entry.size() < 5 || mentions(entry, "null") ? 1 : 2));
    CHECK_FALSE(check.ok());
  }
}

TEST_CASE("faults: a data set's name that is no file name is refused before work begins",
          "[faults]") {
  const TemporaryFolder folder;
  write_picture(folder.path() / "rgb" / "x" / "v" / "0.png");
  for (const std::string name :
       {"../../../evil", "DF40/simswap", "a\\b", "..", ".hidden", "", "a\nb", "/root"}) {
    CAPTURE(name);
    const json video{{"frames", {"x/v/0.png"}}};
    write_text(folder.path() / "X.json",
               json{{name, {{"X_real", {{"test", {{"v", video}}}}}}}}.dump());
    const std::string message = message_of([&] { load_index(locate_data(folder.path())); });
    CHECK(mentions(message, "X.json"));
    CHECK(mentions(message, "the data set's name '" + name + "' cannot be that of a file; rename"));
  }
}

TEST_CASE("faults: a video whose label contradicts its group is named and left out", "[faults]") {
  const TemporaryFolder folder;
  json index;
  const auto add = [&](const std::string& group, const std::string& name,
                       const std::string& label) {
    index["X"][group]["test"][name] = {{"label", label}, {"frames", {"x/" + name + "/0.png"}}};
    write_picture(folder.path() / "rgb" / "x" / name / "0.png");
  };
  add("real", "000", "real");
  add("fake", "000_001", "fake");
  add("fake", "001_000", "real");
  write_text(folder.path() / "X.json", index.dump());
  const Index loaded = load_index(locate_data(folder.path()));
  REQUIRE(loaded.videos.size() == 2);
  CHECK(std::ranges::count(loaded.videos, true, &Video::is_fake) == 1);
  CHECK(mentions(faults_text(loaded),
                 "X > fake > test > 001_000 is labelled real, which contradicts fake"));
  CHECK_FALSE(check_data(loaded).ok());
}

TEST_CASE("faults: people of two data sets with plain labels are not each other", "[faults]") {
  Index index;
  index.videos.push_back({.dataset = "A", .label = "fake", .split = "train", .name = "000"});
  index.videos.push_back({.dataset = "B", .label = "fake", .split = "test", .name = "000"});
  CHECK(identity_leaks(index).empty());
  index.videos.push_back({.dataset = "A", .label = "real", .split = "test", .name = "000"});
  CHECK(identity_leaks(index).size() == 1);
}
