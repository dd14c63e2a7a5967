// SPDX-License-Identifier: MIT
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "synthetic/audit.hpp"
#include "synthetic/generator.hpp"
#include "synthetic/video.hpp"

namespace fs = std::filesystem;
using nlohmann::json;
using namespace deepfake;

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "roga-synthetic-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

SyntheticOptions tiny(const fs::path& output, std::uint64_t seed = 7) {
  SyntheticOptions options;
  options.output = output;
  options.seed = seed;
  options.image_size = 32;
  options.train_identities = 4;
  options.val_identities = 2;
  options.test_identities = 2;
  options.unseen_identities = 2;
  options.frames_per_video = 2;
  return options;
}

std::string bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::map<std::string, std::string> tree(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      files[fs::relative(entry.path(), folder).generic_string()] = bytes(entry.path());
    }
  }
  return files;
}

json read_json(const fs::path& file) { return json::parse(bytes(file)); }

std::vector<fs::path> frames(const fs::path& rgb, const json& videos) {
  std::vector<fs::path> files;
  for (const auto& video : videos) {
    for (const auto& frame : video.at("frames")) files.push_back(rgb / frame.get<std::string>());
  }
  return files;
}

/// What the exception says that the call throws; empty if it throws none.
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("random: streams depend on key and tags, not on what was drawn", "[random][invariant]") {
  Random a(3);
  const Random untouched(3);
  for (int i = 0; i < 100; ++i) a.normal();
  CHECK(a.fork("pose", 2).bits() == untouched.fork("pose", 2).bits());
  CHECK(a.fork("pose", 2).bits() != untouched.fork("pose", 3).bits());
  CHECK(a.fork("pose", 2).bits() != untouched.fork("scene", 2).bits());
  CHECK(a.fork(1, 2).bits() != untouched.fork(2, 1).bits());
}

TEST_CASE("random: draws have the moments and bounds they promise", "[random][invariant]") {
  Random random(11);
  constexpr int count = 200000;
  double mean = 0.0, square = 0.0, fourth = 0.0;
  std::set<int> integers;
  bool inside = true;
  for (int i = 0; i < count; ++i) {
    const double n = static_cast<double>(random.normal());
    mean += n / count;
    square += n * n / count;
    fourth += n * n * n * n / count;
    integers.insert(random.integer(-2, 3));
    const float u = random.uniform(2.0F, 5.0F);
    inside = inside && u >= 2.0F && u < 5.0F;
  }
  CHECK(mean == Approx(0.0).margin(0.01));
  CHECK(square == Approx(1.0).margin(0.02));
  CHECK(fourth == Approx(3.0).margin(0.1));  // of a normal distribution
  CHECK(integers == std::set<int>{-2, -1, 0, 1, 2, 3});
  CHECK(inside);
}

TEST_CASE("synthetic: the same seed gives the same bytes for any number of threads",
          "[synthetic][invariant]") {
  const TemporaryFolder folder;
  SyntheticOptions options = tiny(folder / "a");
  options.threads = 1;
  make_synthetic(options);
  options.output = folder / "b";
  options.threads = 3;
  make_synthetic(options);
  const auto first = tree(folder / "a");
  // 12 training pairs' worth of PNG files and 5 indexes, 3 pair lists, 1 manifest.
  CHECK(first.size() == 8 * 2 * (1 + 2 * 4) + 4 * 2 * 2 * (1 + 2) + 5 + 3 + 1);
  CHECK(first == tree(folder / "b"));

  make_synthetic(tiny(folder / "c", 8));
  const auto other = tree(folder / "c");
  const std::string frame = "rgb/FaceForensics++/original_sequences/youtube/c23/frames/000/000.png";
  REQUIRE(other.count(frame) == 1);
  CHECK(first.at(frame) != other.at(frame));
}

TEST_CASE("synthetic: adding identities or frames does not change the others'",
          "[synthetic][invariant]") {
  const TemporaryFolder folder;
  make_synthetic(tiny(folder / "a"));
  SyntheticOptions more = tiny(folder / "b");
  more.frames_per_video = 3;
  make_synthetic(more);
  const auto larger = tree(folder / "b" / "rgb");
  for (const auto& [file, content] : tree(folder / "a" / "rgb")) {
    INFO(file);
    REQUIRE(larger.count(file) == 1);
    CHECK(larger.at(file) == content);
  }
}

TEST_CASE("synthetic: layout and index are DeepfakeBench's", "[synthetic]") {
  const TemporaryFolder folder;
  const fs::path output = folder / "set";
  const SyntheticSummary summary = make_synthetic(tiny(output));
  const fs::path rgb = output / "rgb";
  const json index = read_json(output / "dataset_json/FaceForensics++.json").at("FaceForensics++");
  CHECK(index.size() == 5);

  std::map<std::string, std::set<std::string>> people;  // split -> identities
  const std::map<std::string, std::string> folders{
      {"FF-real", "FaceForensics++/original_sequences/youtube/c23"},
      {"FF-DF", "FaceForensics++/manipulated_sequences/Deepfakes/c23"},
      {"FF-F2F", "FaceForensics++/manipulated_sequences/Face2Face/c23"},
      {"FF-FS", "FaceForensics++/manipulated_sequences/FaceSwap/c23"},
      {"FF-NT", "FaceForensics++/manipulated_sequences/NeuralTextures/c23"}};
  const std::map<std::string, std::size_t> videos{{"train", 4}, {"val", 2}, {"test", 2}};
  for (const auto& [label, where] : folders) {
    for (const auto& [split, count] : videos) {
      const json& entries = index.at(label).at(split).at("c23");
      CHECK(entries.size() == count);
      CHECK(summary.counts.at("FaceForensics++").at(label).at(split).frames == 2 * count);
      for (const auto& [name, video] : entries.items()) {
        CHECK(video.at("label") == label);
        REQUIRE(video.at("frames").size() == 2);
        CHECK(video.at("frames")[1] == where + "/frames/" + name + "/001.png");
        for (std::size_t k = 0; k < 2; ++k) {
          const cv::Mat frame = cv::imread(
              (rgb / video.at("frames")[k].get<std::string>()).string(), cv::IMREAD_UNCHANGED);
          REQUIRE(frame.size() == cv::Size(32, 32));
          CHECK(frame.type() == CV_8UC3);
          if (label == "FF-real") continue;
          CHECK(video.at("masks")[k] ==
                where + "/masks/" + name + "/00" + std::to_string(k) + ".png");
          const cv::Mat mask = cv::imread((rgb / video.at("masks")[k].get<std::string>()).string(),
                                          cv::IMREAD_UNCHANGED);
          REQUIRE(mask.type() == CV_8U);
          const int inside = cv::countNonZero(mask == 255);
          CHECK(inside > 32 * 32 / 50);
          CHECK(inside < 32 * 32 / 2);
          CHECK(inside + cv::countNonZero(mask == 0) == 32 * 32);
        }
        std::istringstream parts(name);
        for (std::string person; std::getline(parts, person, '_');) people[split].insert(person);
      }
    }
  }

  // Pair lists: both directions of each pair are the fakes of that split.
  for (const auto& [split, count] : videos) {
    const json pairs = read_json(rgb / "FaceForensics++" / (split + ".json"));
    CHECK(2 * pairs.size() == count);
    for (const auto& pair : pairs) {
      const std::string a = pair[0], b = pair[1];
      CHECK(index.at("FF-DF").at(split).at("c23").contains(a + "_" + b));
      CHECK(index.at("FF-NT").at(split).at("c23").contains(b + "_" + a));
    }
  }

  for (const auto& set : unseen_sets) {
    const std::string name(set.dataset);
    const json unseen = read_json(output / "dataset_json" / (name + ".json")).at(name);
    CHECK(unseen.size() == 2);
    for (const auto& label : {name + "_real", name + "_fake"}) {
      REQUIRE(unseen.at(label).size() == 1);
      const json& entries = unseen.at(label).at("test");
      CHECK(entries.size() == 2);
      for (const auto& [video, entry] : entries.items()) {
        CHECK(entry.at("label") == label);
        REQUIRE(entry.at("frames").size() == 2);
        std::istringstream parts(video);
        for (std::string person; std::getline(parts, person, '_');) people[name].insert(person);
      }
      for (const auto& file : frames(rgb, entries)) CHECK_FALSE(bytes(file).empty());
    }
  }

  std::set<std::string> seen;
  for (const auto& [set, members] : people) {
    CHECK(members.size() == (set == "train" ? 4 : 2));
    for (const auto& person : members) {
      INFO(set << " " << person);
      CHECK(seen.insert(person).second);
    }
  }
  CHECK(summary.identities == seen.size());

  const json manifest = read_json(output / "synthetic.json");
  CHECK(manifest.at("synthetic") == true);
  CHECK(manifest.at("seed") == 7);
  CHECK(manifest.at("options").at("image_size") == 32);
  CHECK(manifest.at("counts").at("FaceForensics++").at("FF-DF").at("train").at("frames") == 8);
}

TEST_CASE("synthetic: a forgery equals its real frame outside of the mask",
          "[synthetic][invariant]") {
  const int size = captured_size(64);
  const Person target(Population::standard(), 5, 0);
  const Person source(Population::standard(), 5, 1);
  const Face real = target.frame(0, size);
  const Face other = source.frame(0, size);
  using enum Manipulation;
  for (const auto manipulation : {deepfakes, face2face, faceswap, neural_textures, self_blend,
                                  face_warp, partial_swap, shifted_swap}) {
    INFO(static_cast<int>(manipulation));
    const Forgery forgery = forge(manipulation, target, real, source, other, 0);
    int outside = 0, changed_outside = 0, changed = 0;
    for (int row = 0; row < size; ++row) {
      for (int column = 0; column < size; ++column) {
        const bool differs =
            forgery.image.at<cv::Vec3f>(row, column) != real.image.at<cv::Vec3f>(row, column);
        const bool masked = forgery.mask.at<float>(row, column) > 0.0F;
        outside += masked ? 0 : 1;
        changed += differs ? 1 : 0;
        changed_outside += differs && !masked ? 1 : 0;
      }
    }
    CHECK(changed_outside == 0);
    CHECK(outside > size * size / 3);
    CHECK(changed > size * size / 40);
  }
}

TEST_CASE("manipulation: works on any crop with the template's geometry", "[synthetic]") {
  Face target;
  target.image = cv::Mat(80, 80, CV_32FC3, cv::Scalar(0.3, 0.4, 0.5));
  target.geometry = template_geometry(80);
  Random random(1);
  for (auto& pixel : cv::Mat_<cv::Vec3f>(target.image)) {
    for (int c = 0; c < 3; ++c) pixel[c] += random.normal(0.0F, 0.02F);
  }
  target.noise = estimate_noise(target.image);
  CHECK(target.noise == Approx(0.02).epsilon(0.1));
  Face small = target;
  small.image = small.image(cv::Rect(0, 0, 40, 40)).clone();
  for (const auto manipulation : training_manipulations) {
    const Forgery forgery = manipulate(manipulation, target, target, Random(3));
    CHECK(cv::checkRange(forgery.image, true, nullptr, -1e-6, 1.0 + 1e-6));
    CHECK(cv::norm(forgery.image, target.image) > 0.0);
  }
  CHECK(contains(error_of([&] { manipulate(Manipulation::faceswap, target, small, Random(3)); }),
                 "differ in size"));
}

TEST_CASE("synthetic: no hand-made statistic separates real from fake", "[synthetic][audit]") {
  const TemporaryFolder folder;
  SyntheticOptions options = tiny(folder / "set", 20);
  options.image_size = 64;
  options.train_identities = 48;
  make_synthetic(options);
  const fs::path rgb = options.output / "rgb";
  const json index = read_json(options.output / "dataset_json/FaceForensics++.json");
  const auto files = [&](const char* label) {
    return frames(rgb, index.at("FaceForensics++").at(label).at("train").at("c23"));
  };
  std::vector<AuditedDomain> domains;
  for (const char* label : {"FF-DF", "FF-F2F", "FF-FS", "FF-NT"}) {
    domains.push_back({label, audit(files("FF-real"), files(label))});
    INFO(label);
    CHECK(worst_auc(domains.back().rows) <= 0.85);
    for (const auto& row : domains.back().rows) {
      INFO(row.statistic);
      CHECK(row.auc >= 0.15);
      CHECK(row.auc <= 0.85);
      if (row.statistic.starts_with("mean") || row.statistic == "contrast" ||
          row.statistic == "JPEG grid") {
        CHECK(row.auc == Approx(0.5).margin(0.06));
      }
    }
  }
  std::ostringstream table;
  print_audit(table, domains);
  CHECK(contains(table.str(), "FF-NT"));
  CHECK(contains(table.str(), "JPEG grid"));
}

TEST_CASE("audit: sees a planted shortcut", "[synthetic][audit]") {
  const TemporaryFolder folder;
  std::vector<fs::path> real, fake;
  Random random(2);
  for (int i = 0; i < 10; ++i) {
    cv::Mat image(64, 64, CV_32FC3, cv::Scalar::all(0.5));
    for (auto& pixel : cv::Mat_<cv::Vec3f>(image)) pixel += cv::Vec3f::all(random.normal(0, 0.03F));
    PublishOptions options{.crop = {0, 0, 64, 64}, .size = 64, .quality = 95};
    real.push_back(folder / ("real" + std::to_string(i) + ".png"));
    write_image(real.back(), publish(image, options));
    image.forEach<cv::Vec3f>([](cv::Vec3f& pixel, const int*) { pixel[2] += 0.1F; });
    options.quality = 20;
    fake.push_back(folder / ("fake" + std::to_string(i) + ".png"));
    write_image(fake.back(), publish(image, options));
  }
  for (const auto& row : audit(real, fake)) {
    if (row.statistic == "mean red" || row.statistic == "JPEG grid") CHECK(row.auc == 1.0);
    if (row.statistic == "noise centre") CHECK(row.auc < 0.1);
  }
  fake.push_back(folder / "missing.png");
  CHECK(contains(error_of([&] { audit(real, fake); }), "missing.png"));
}

TEST_CASE("synthetic: a complete set is reused, anything else refused", "[synthetic]") {
  const TemporaryFolder folder;
  SyntheticOptions options = tiny(folder / "set");
  CHECK_FALSE(make_synthetic(options).reused);
  const fs::path frame =
      options.output / "rgb/FaceForensics++/original_sequences/youtube/c23/frames/000/000.png";
  const auto written = fs::last_write_time(frame);
  options.threads = 1;
  const SyntheticSummary again = make_synthetic(options);
  CHECK(again.reused);
  CHECK(again.identities == 16);
  CHECK(again.counts.at("Synthetic-SBI").at("Synthetic-SBI_fake").at("test").frames == 4);
  CHECK(fs::last_write_time(frame) == written);

  options.seed = 9;
  const std::string refusal = error_of([&] { make_synthetic(options); });
  CHECK(contains(refusal, "other options"));
  CHECK(contains(refusal, "force"));
  CHECK(fs::last_write_time(frame) == written);
  options.force = true;
  CHECK_FALSE(make_synthetic(options).reused);
  CHECK(read_json(options.output / "synthetic.json").at("seed") == 9);

  // Somebody's own data is never touched.
  options.output = folder / "mine";
  fs::create_directories(options.output / "rgb");
  std::ofstream(options.output / "rgb/precious.txt") << "x";
  CHECK(contains(error_of([&] { make_synthetic(options); }), "not a synthetic set"));
  CHECK(fs::exists(options.output / "rgb/precious.txt"));
}

TEST_CASE("synthetic: an interrupted set does not pass for complete", "[synthetic]") {
  const TemporaryFolder folder;
  const SyntheticOptions options = tiny(folder / "set");
  const auto stop = [](std::size_t, std::size_t) { throw std::runtime_error("stop"); };
  CHECK(error_of([&] { make_synthetic(options, stop); }) == "stop");
  CHECK_FALSE(fs::exists(options.output / "synthetic.json"));
  CHECK_FALSE(make_synthetic(options).reused);
  CHECK(fs::exists(options.output / "synthetic.json"));
  CHECK_FALSE(fs::exists(options.output / "synthetic.json.part"));
}

TEST_CASE("synthetic: errors name what is wrong", "[synthetic]") {
  const TemporaryFolder folder;
  SyntheticOptions options = tiny(folder / "set");
  options.val_identities = 3;
  CHECK(contains(error_of([&] { make_synthetic(options); }), "validation identities is 3"));
  CHECK(contains(error_of([] { SyntheticOptions::preset("huge"); }), "'huge'"));

  // A file where a folder has to go.
  std::ofstream(folder / "file") << "x";
  const fs::path blocked = folder / "file" / "frame.png";
  CHECK(contains(error_of([&] { write_image(blocked, cv::Mat::zeros(8, 8, CV_8UC3)); }),
                 "frame.png"));
}
