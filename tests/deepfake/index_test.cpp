// SPDX-License-Identifier: MIT
#include "data/index.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/faults.hpp"
#include "data/fingerprint.hpp"
#include "data/identities.hpp"
#include "data/val_split.hpp"
#include "images/image.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

Index load(const fs::path& folder, const LoadOptions& options = {}) {
  return load_index(locate_data(folder), options);
}

const Video& video_named(const Index& index, std::string_view label, std::string_view name) {
  const auto found = std::ranges::find_if(
      index.videos, [&](const Video& video) { return video.label == label && video.name == name; });
  REQUIRE(found != index.videos.end());
  return *found;
}

std::vector<std::string> stems(const Video& video) {
  std::vector<std::string> names;
  for (const fs::path& frame : video.frames) names.push_back(frame.stem().string());
  return names;
}

/// An index of one video, CelebDFv2_fake/test/id0_id1_0000, with these frame paths.
void write_index(const fs::path& file, const std::vector<std::string>& frames) {
  json index;
  index["Celeb-DF-v2"]["CelebDFv2_fake"]["test"]["id0_id1_0000"] = {{"label", "CelebDFv2_fake"},
                                                                    {"frames", frames}};
  write_text(file, index.dump());
}

}  // namespace

TEST_CASE("an index with the compression level is read", "[index]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  const Index index = load(folder.path());
  REQUIRE(index.videos.size() == 16);  // two files of four reals and four fakes
  CHECK_FALSE(index.synthetic);

  const Video& fake = video_named(index, "FF-F2F", "003_000");
  CHECK(fake.dataset == "FF-F2F");
  CHECK(fake.domain == "FF-F2F");
  CHECK(fake.split == "train");
  CHECK(fake.compression == "c23");
  CHECK(fake.is_fake);
  CHECK(stems(fake) == std::vector<std::string>{"0", "10", "20"});
  for (const fs::path& frame : fake.frames) CHECK(fs::exists(frame));
  REQUIRE(fake.real_partner);
  CHECK(index.videos[*fake.real_partner].name == "003");
  CHECK(index.videos[*fake.real_partner].dataset == "FF-F2F");
  CHECK_FALSE(video_named(index, "FF-real", "003").is_fake);
  CHECK_FALSE(video_named(index, "FF-real", "003").real_partner);
}

TEST_CASE("an index without the compression level is read", "[index]") {
  const TemporaryFolder folder;
  json index;
  for (const auto& [label, name] :
       {std::pair("CelebDFv2_real", "id0_0000"), {"CelebDFv2_fake", "id0_id1_0000"}}) {
    const std::string path = std::string("Celeb-DF-v2/") + name + "/7.png";
    index["Celeb-DF-v2"][label]["test"][name] = {{"label", label}, {"frames", {path}}};
    write_picture(folder.path() / "rgb" / path);
  }
  write_text(folder.path() / "dataset_json" / "Celeb-DF-v2.json", index.dump());
  write_text(folder.path() / "synthetic.json", R"({"synthetic": true, "seed": 1})");
  const Index loaded = load(folder.path());
  REQUIRE(loaded.videos.size() == 2);
  CHECK(loaded.synthetic);
  const Video& fake = video_named(loaded, "CelebDFv2_fake", "id0_id1_0000");
  CHECK(fake.compression.empty());
  REQUIRE(fake.real_partner);
  CHECK(loaded.videos[*fake.real_partner].name == "id0_0000");
}

TEST_CASE("frame paths are found however they were written", "[index]") {
  const TemporaryFolder folder;
  const fs::path rgb = folder.path() / "datasets" / "rgb";
  const fs::path picture = rgb / "Celeb-DF-v2" / "frames" / "id0" / "007.png";
  write_picture(picture);
  write_picture(rgb / "007.png");  // a file of that name elsewhere must not be taken
  const std::string path = GENERATE(
      as<std::string>(), "Celeb-DF-v2/frames/id0/007.png", "./Celeb-DF-v2/frames/id0/007.png",
      R"(Celeb-DF-v2\frames\id0\007.png)", R"(.\Celeb-DF-v2\frames\id0\007.png)",
      R"(.\datasets\rgb\Celeb-DF-v2\frames\id0\007.png)",
      "/elsewhere/rgb/Celeb-DF-v2/frames/id0/007.png",
      R"(D:\data\rgb\Celeb-DF-v2\frames\id0\007.png)", "ABSOLUTE");
  write_index(folder.path() / "preprocessing" / "dataset_json" / "Celeb-DF-v2.json",
              {path == "ABSOLUTE" ? picture.string() : path});
  const Index index = load(folder.path());
  REQUIRE(index.videos.size() == 1);
  CHECK(fs::equivalent(index.videos[0].frames.at(0), picture));
}

TEST_CASE("an index is found by its folder, its file, or with frames elsewhere", "[index]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  CHECK(load(folder.path() / "dataset_json").videos.size() == 16);
  CHECK(load(folder.path() / "dataset_json" / "FF-DF.json").videos.size() == 8);
  fs::rename(folder.path() / "rgb", folder.path() / "moved");
  CHECK(load_index(locate_data(folder.path(), folder.path() / "moved")).videos.size() == 16);
  CHECK(mentions(message_of([&] { load(folder.path()); }), "none of its frames exists under"));
  CHECK(mentions(message_of([&] { locate_data(folder.path() / "moved"); }),
                 "no index found; looked for dataset_json/*.json"));
  CHECK(mentions(message_of([&] { locate_data(folder.path() / "absent"); }), "absent: no such"));
}

TEST_CASE("frames are sorted as numbers and masks follow them", "[index]") {
  const TemporaryFolder folder;
  json index;
  index["X"]["X_Fake"]["test"]["a"] = {{"label", "X_Fake"},
                                       {"frames", {"f/100.png", "f/9.png", "f/0010.png"}},
                                       {"masks", {"m/10.png", "m/100.png"}}};
  index["X"]["X_Fake"]["test"]["a"]["masks"] = {"m/0010.png", "m/100.png"};
  write_text(folder.path() / "X.json", index.dump());
  const Index loaded = load(folder.path(), {.require_frames = false, .keep_missing = true});
  const Video& video = loaded.videos.at(0);
  CHECK(stems(video) == std::vector<std::string>{"9", "0010", "100"});
  REQUIRE(video.masks.size() == 3);
  CHECK(video.masks[0].empty());
  CHECK(video.masks[1].filename() == "0010.png");
  CHECK(video.masks[2].filename() == "100.png");
}

TEST_CASE("labels tell their class", "[index]") {
  for (const char* real : {"FF-real", "DFD_real", "CelebDFv1_real", "CelebDFv2_real", "DFDCP_Real",
                           "DFDC_Real", "DF_real", "UADFV_Real", "roop_Real", "Mine_real"}) {
    CHECK(class_of_label(real) == 0);
  }
  for (const char* fake : {"FF-DF", "FF-F2F", "FF-FS", "FF-NT", "FF-FH", "FF-SH", "DFD_fake",
                           "CelebDFv1_fake", "CelebDFv2_fake", "DFDCP_FakeA", "DFDCP_FakeB",
                           "DFDC_Fake", "DF_fake", "UADFV_Fake", "roop_Fake", "Mine_fake"}) {
    CHECK(class_of_label(fake) == 1);
  }
  CHECK_FALSE(class_of_label("FF-XX"));
  CHECK_FALSE(class_of_label("surreal"));
  CHECK(class_of_label("real") == 0);
  CHECK(class_of_label("Fake") == 1);

  const TemporaryFolder folder;
  write_text(folder.path() / "X.json",
             R"({"X": {"odd": {"test": {"v": {"label": "odd", "frames": ["f/1.png"]}}}}})");
  const std::string message = message_of([&] { load(folder.path()); });
  CHECK(mentions(message, "X.json"));
  CHECK(mentions(message, "unknown label 'odd'"));
  const Index index = load(
      folder.path(), {.labels = {{"odd", {true}}}, .require_frames = false, .keep_missing = true});
  CHECK(index.videos.at(0).is_fake);
}

TEST_CASE("a malformed index is one clear line that names the place", "[index]") {
  const auto [content, expected] = GENERATE(table<std::string, std::string>({
      {R"({"X": {"train": {"X_real": {}}}})", "the split 'train' stands where a label belongs"},
      {R"({"X": {"X_real": {"c23": {}}}})", "'c23' is no split (train, val, test)"},
      {R"({"X": {"X_real": {"test": {"v": ["f/1.png"]}}}})",
       "X > X_real > test > v has no list \"frames\""},
      {R"({"X": {"X_real": {"test": {"v": {"frames": "f/1.png"}}}}})", "has no list \"frames\""},
      {R"({"X": {"X_real": {"test": {"v": {"frames": [7]}}}}})", "frames is not a string"},
      {R"({"X": {"X_real": []}})", "X > X_real is not a JSON object"},
      {R"([1, 2])", "the file is not a JSON object"},
      {R"({"X": {"X_real": {"te)", "is not valid JSON near byte"},
  }));
  const TemporaryFolder folder;
  write_text(folder.path() / "X.json", content);
  const std::string message = message_of([&] { load(folder.path()); });
  CAPTURE(message);
  CHECK(mentions(message, "X.json"));
  CHECK(mentions(message, expected));
  CHECK_FALSE(mentions(message, "\n"));
}

TEST_CASE("a video without frames is left out and reported", "[index]") {
  const TemporaryFolder folder;
  write_index(folder.path() / "Celeb-DF-v2.json", {});
  const Index index = load(folder.path());
  CHECK(index.videos.empty());
  REQUIRE(index.faults.without_frames.size() == 1);
  CHECK(place_of(index.faults.without_frames[0]) ==
        "Celeb-DF-v2 > CelebDFv2_fake > test > id0_id1_0000");
}

TEST_CASE("frames are picked evenly, ends included", "[index]") {
  using Positions = std::vector<std::size_t>;
  CHECK(evenly_spaced(10, 4) == Positions{0, 3, 6, 9});
  CHECK(evenly_spaced(10, 3) == Positions{0, 5, 9});  // 4.5 rounds up
  CHECK(evenly_spaced(6, 5) == Positions{0, 1, 3, 4, 5});
  CHECK(evenly_spaced(10, 1) == Positions{0});
  CHECK(evenly_spaced(3, 8) == Positions{0, 1, 2});
  CHECK(evenly_spaced(3, 0) == Positions{0, 1, 2});
  CHECK(evenly_spaced(0, 4).empty());
}

TEST_CASE("videos are selected by data set, split, manipulation and frame count", "[index]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{.folder = folder.path(), .frames = 5}.write();
  const Index index = load(folder.path());

  const Index both = select(index, {.datasets = {"FF-DF", "FF-F2F"}, .split = "train"});
  CHECK(both.videos.size() == 6);  // the reals, listed by both files, count once
  for (const Video& video : both.videos) CHECK(video.split == "train");
  for (const Video& video : both.videos) {
    if (!video.is_fake) continue;
    REQUIRE(video.real_partner);
    CHECK(both.videos[*video.real_partner].name == video.name.substr(0, 3));
  }
  // Each data set alone still has its reals.
  CHECK(select(index, {.datasets = {"FF-F2F"}}).videos.size() == 8);
  CHECK(select(index, {.datasets = {"FF-F2F_c23"}, .split = "test"}).videos.size() == 4);
  CHECK(select(index, {.domains = {"FF-F2F"}}).videos.size() == 8);

  const Index few = select(index, {.split = "test", .frames_per_video = 3});
  for (const Video& video : few.videos) {
    CHECK(stems(video) == std::vector<std::string>{"0", "20", "40"});
  }
  const Index at_load = load(folder.path(), {.keep = {.split = "test", .frames_per_video = 3}});
  CHECK(list_fingerprint(select(at_load, {})) == list_fingerprint(few));

  CHECK(
      mentions(message_of([&] { select(index, {.split = "val"}); }),
               "no video in split val; it holds the data sets FF-DF, FF-F2F, splits test, train"));
  CHECK(mentions(message_of([&] { select(index, {.datasets = {"FF-NT"}}); }),
                 "no data set FF-NT; it holds FF-DF, FF-F2F"));
  CHECK(mentions(message_of([&] { select(index, {.domains = {"FF-NT"}}); }),
                 "no manipulation FF-NT"));
  CHECK(mentions(message_of([&] { select(index, {.compression = "c40"}); }),
                 "does not come in compression c40, but in c23"));
  CHECK(mentions(message_of([&] { load(folder.path(), {.keep = {.datasets = {"DFDC"}}}); }),
                 "no index file for the data set DFDC; there are: FF-DF FF-F2F"));
}

TEST_CASE("two compressions need a choice", "[index]") {
  const TemporaryFolder folder;
  json index;
  for (const char* compression : {"c23", "c40"}) {
    index["FF-DF"]["FF-DF"]["test"][compression]["000_003"] = {
        {"label", "FF-DF"}, {"frames", {std::string(compression) + "/000_003/0.png"}}};
  }
  write_text(folder.path() / "FF-DF.json", index.dump());
  const Index loaded = load(folder.path(), {.require_frames = false, .keep_missing = true});
  REQUIRE(loaded.videos.size() == 2);
  CHECK(mentions(message_of([&] { select(loaded, {}); }),
                 "FF-DF comes in the compressions c23, c40"));
  CHECK(select(loaded, {.compression = "c40"}).videos.at(0).compression == "c40");
  CHECK(mentions(message_of([&] { select(loaded, {.compression = "c41"}); }),
                 "unknown compression c41: there are raw, c23, c40"));
  CHECK(mentions(message_of([&] { select(loaded, {.compression = "raw"}); }),
                 "FF-DF does not come in compression raw, but in c23, c40"));
  CHECK(select(loaded, {.datasets = {"FF-DF_c40"}}).videos.at(0).compression == "c40");
  const Index at_load =
      load(folder.path(),
           {.keep = {.datasets = {"FF-DF_c23"}}, .require_frames = false, .keep_missing = true});
  REQUIRE(at_load.videos.size() == 1);
  CHECK(at_load.videos[0].compression == "c23");
}

TEST_CASE("a fake's frames pair with the same frames of its real video", "[index]") {
  Video real, fake;
  real.frames = {"r/0.png", "r/10.png", "r/20.png"};
  fake.frames = {"f/10.png", "f/15.png", "f/20.png"};
  const std::vector<FramePair> pairs = pair_frames(real, fake);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].real == 1);
  CHECK(pairs[0].fake == 0);
  CHECK(pairs[1].real == 2);
  CHECK(pairs[1].fake == 2);
}

TEST_CASE("people in two splits are found", "[index][identities]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  Index index = load(folder.path());
  CHECK(identity_leaks(index).empty());
  CHECK_NOTHROW(require_disjoint_identities(index));

  Video stranger = video_named(index, "FF-DF", "010_011");
  stranger.name = "010_003";  // 003 is trained on
  index.videos.push_back(stranger);
  const std::vector<IdentityLeak> leaks = identity_leaks(index);
  REQUIRE(leaks.size() == 1);
  CHECK(leaks[0].identity == "003");
  CHECK(mentions(
      message_of([&] { require_disjoint_identities(index); }),
      "identity 003 is in split train (video 000_003) and in split test (video 010_003), 1"));

  Index celeb;
  celeb.videos = {{.label = "CelebDFv2_real", .split = "train", .name = "id0_0000"},
                  {.label = "CelebDFv2_real", .split = "test", .name = "id1_0000"}};
  CHECK(identity_leaks(celeb).empty());  // equal clip numbers are not equal people
  celeb.videos.push_back(
      {.label = "CelebDFv2_fake", .split = "test", .name = "id1_id0_0007", .is_fake = true});
  CHECK(identity_leaks(celeb).size() == 1);
  celeb.videos[0].label = "Other_real";  // another family's id0
  CHECK(identity_leaks(celeb).empty());
}

TEST_CASE("the fingerprint follows the content, not the place or the order", "[index]") {
  const TemporaryFolder here, there;
  MiniatureFaceForensics{here.path()}.write();
  MiniatureFaceForensics{there.path()}.write();
  Index index = load(here.path());
  const std::string original = list_fingerprint(index);
  CHECK(original.size() == 16);
  CHECK(list_fingerprint(load(there.path())) == original);
  std::ranges::reverse(index.videos);
  CHECK(list_fingerprint(index) == original);
  std::set<std::string> different{original};
  Index changed = index;
  changed.videos[0].label = "FF-NT";
  different.insert(list_fingerprint(changed));
  changed = index;
  changed.videos[0].frames.pop_back();
  different.insert(list_fingerprint(changed));
  changed = index;
  changed.videos[0].split = "val";
  different.insert(list_fingerprint(changed));
  CHECK(different.size() == 4);
}

TEST_CASE("images are read as RGB of the wanted size", "[image]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.png";
  write_picture(file, {10, 20, 200});  // blue, green, red
  const cv::Mat image = read_image(file);
  CHECK(image.size() == cv::Size(4, 4));
  CHECK(image.at<cv::Vec3b>(1, 2) == cv::Vec3b(200, 20, 10));
  const cv::Mat small = read_image_float(file, 2);
  CHECK(small.type() == CV_32FC3);
  CHECK(small.size() == cv::Size(2, 2));
  CHECK(small.at<cv::Vec3f>(1, 1)[0] == Approx(200. / 255));

  cv::imwrite((folder.path() / "grey.png").string(), cv::Mat(4, 4, CV_8UC1, cv::Scalar(7)));
  CHECK(read_image(folder.path() / "grey.png").at<cv::Vec3b>(0, 0) == cv::Vec3b(7, 7, 7));
}

TEST_CASE("a broken image is named", "[image]") {
  const TemporaryFolder folder;
  cv::Mat noise(64, 64, CV_8UC3);
  cv::randu(noise, 0, 255);
  for (const char* name : {"a.png", "a.jpg"}) {
    const fs::path file = folder.path() / name;
    cv::imwrite(file.string(), noise);
    CHECK_NOTHROW(read_image(file));
    fs::resize_file(file, fs::file_size(file) / 2);
    CHECK(mentions(message_of([&] { read_image(file); }), file.string() + ": broken image"));
  }
  write_text(folder.path() / "empty.png", "");
  write_text(folder.path() / "text.png", "no picture");
  CHECK(mentions(message_of([&] { read_image(folder.path() / "empty.png"); }), "broken image"));
  CHECK(mentions(message_of([&] { read_image(folder.path() / "text.png"); }), "broken image"));
  CHECK(mentions(message_of([&] { read_image(folder.path() / "absent.png"); }),
                 "absent.png: image cannot be opened"));
}

TEST_CASE("a JPEG is cut off if its end is missing, and not if something follows it", "[images]") {
  const TemporaryFolder folder;
  cv::Mat picture(48, 64, CV_8UC3);
  cv::randu(picture, 0, 255);
  std::vector<unsigned char> bytes;
  const bool progressive = GENERATE(false, true);
  cv::imencode(".jpg", picture, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, progressive ? 1 : 0});
  const auto file_of = [&](const std::vector<unsigned char>& content) {
    const fs::path file = folder.path() / "picture.jpg";
    write_text(file, {content.begin(), content.end()});
    return file;
  };
  const cv::Mat whole = read_image(file_of(bytes));
  for (const unsigned char filler : std::vector<unsigned char>{0x00, 0xff, 0x20}) {
    std::vector<unsigned char> longer = bytes;
    longer.insert(longer.end(), 5000, filler);
    CHECK(cv::norm(read_image(file_of(longer)), whole, cv::NORM_INF) == 0);
  }
  // A preview in the metadata has an end of its own; the image's is missing.
  std::vector<unsigned char> cut = bytes;
  cut.resize(bytes.size() * 3 / 4);
  CHECK(message_of([&] { read_image(file_of(cut)); }) != "");
  std::vector<unsigned char> preview{0xff, 0xe1, 0, 10, 'E', 'x', 'i', 'f', 0xff, 0xd8, 0xff, 0xd9};
  cut.insert(cut.begin() + 2, preview.begin(), preview.end());
  CHECK(message_of([&] { read_image(file_of(cut)); }) != "");
  std::vector<unsigned char> with_preview = bytes;
  with_preview.insert(with_preview.begin() + 2, preview.begin(), preview.end());
  CHECK(cv::norm(read_image(file_of(with_preview)), whole, cv::NORM_INF) == 0);

  std::vector<unsigned char> png;
  cv::imencode(".png", picture, png);
  png.insert(png.end(), 5000, 0x20);
  CHECK(cv::norm(read_image(file_of(png)), whole, cv::NORM_INF) > 0);  // read, as it was drawn
}

TEST_CASE("the fingerprint of the files follows sizes, times and bytes", "[index]") {
  const TemporaryFolder folder;
  const MiniatureFaceForensics data{folder.path()};
  data.write();
  const Index index = load(folder.path());
  const fs::path frame = index.videos[0].frames[0];
  const auto written = fs::last_write_time(frame);
  const std::string before = fingerprint(index, true), quick = fingerprint(index);
  CHECK(before.starts_with(quick + '-'));
  CHECK(data_change(before, quick) == DataChange::none);
  fs::last_write_time(frame, written + std::chrono::seconds(5));
  CHECK(data_change(before, fingerprint(index)) == DataChange::other_times);
  CHECK(data_change(before, fingerprint(index, true)) == DataChange::none);
  write_picture(frame, {1, 2, 3});
  fs::last_write_time(frame, written);
  CHECK(data_change(before, fingerprint(index, true)) != DataChange::none);
  std::ofstream(frame, std::ios::app) << std::string(1000, 'x');
  CHECK(data_change(before, fingerprint(index)) == DataChange::other_sizes);
  // Of an older version.
  CHECK(data_change(list_fingerprint(index), fingerprint(index)) == DataChange::not_recorded);
  Index fewer = index;
  fewer.videos.pop_back();
  CHECK(data_change(list_fingerprint(fewer), fingerprint(index)) == DataChange::other_list);
}

TEST_CASE("names of other data sets tell their people, too", "[index]") {
  const auto people = [](const std::string& name) { return identities({}, {.name = name}); };
  CHECK(people("01_02__exit_phone_room__YVGY8LOK") == std::vector<std::string>{"01", "02"});
  CHECK(people("01__exit_phone_room") == std::vector<std::string>{"01"});
  CHECK(people("1147114_1224068_A_001") == std::vector<std::string>{"1147114", "1224068"});
  CHECK(people("000_M101") == std::vector<std::string>{"M101", "000"});
  CHECK(people("id0_id1_0003") == std::vector<std::string>{"id0", "id1"});
  CHECK(people("00170_cut") == std::vector<std::string>{"00170_cut"});
  CHECK(people("my_video_A_1") == std::vector<std::string>{"my_video_A_1"});
}

TEST_CASE("a validation split made from training has its own people, and both classes", "[split]") {
  Index index;
  const auto add = [&](const std::string& label, const std::string& split,
                       const std::string& name) {
    index.videos.push_back({.dataset = "Celeb",
                            .label = label,
                            .domain = label,
                            .split = split,
                            .name = name,
                            .is_fake = label == "Celeb_fake"});
  };
  for (int a = 0; a < 12; ++a) {
    add("Celeb_real", "train", "id" + std::to_string(a) + "_0000");
    for (int b = 0; b < 12; ++b) {
      if (a == b) continue;
      add("Celeb_fake", "train", "id" + std::to_string(a) + "_id" + std::to_string(b) + "_0000");
    }
  }
  add("Celeb_real", "val", "id50_0000");
  add("Celeb_real", "test", "id50_0000");
  const std::size_t all = index.videos.size();
  Index again = index;
  const auto lines = split_off_validation(index, {"Celeb"}, 0.25);
  REQUIRE(lines.size() == 2);
  CHECK(mentions(lines[0], "3 of 12 people"));
  std::map<std::string, std::set<std::string>> people;
  std::map<std::pair<std::string, bool>, int> counts;
  for (const Video& video : index.videos) {
    for (const std::string& person : identities(index, video)) people[video.split].insert(person);
    ++counts[{video.split, video.is_fake}];
  }
  CHECK(people["val"].size() == 3);
  CHECK(people["train"].size() == 9);
  for (const std::string& person : people["val"]) CHECK_FALSE(people["train"].contains(person));
  CHECK(counts[{"val", true}] == 3 * 2);
  CHECK(counts[{"train", true}] == 9 * 8);
  CHECK(counts[{"val", false}] == 3);  // the index's own is gone
  CHECK(index.faults.across_splits.size() == 2 * 3 * 9);
  CHECK(index.videos.size() + index.faults.across_splits.size() + 1 == all);
  // By names alone.
  std::ranges::reverse(again.videos);
  split_off_validation(again, {"Celeb"}, 0.25);
  for (const Video& video : again.videos) {
    if (video.split != "val") continue;
    for (const std::string& person : identities(again, video))
      CHECK(people["val"].contains(person));
  }
  Index two;
  std::swap(index, two);
  std::erase_if(two.videos, [](const Video& video) { return video.name != "id1_0000"; });
  CHECK(mentions(message_of([&] { split_off_validation(two, {"Celeb"}, 0.5); }), "too few people"));
}
