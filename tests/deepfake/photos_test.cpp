// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/face_finder.hpp"
#include "data/identities.hpp"
#include "data/index.hpp"
#include "images/image.hpp"
#include "photos/album.hpp"
#include "photos/photo_person.hpp"
#include "photos/photo_set.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"
#include "synthetic/audit.hpp"
#include "synthetic/generator.hpp"
#include "synthetic/video.hpp"

namespace fs = std::filesystem;
using namespace deepfake;
using deepfake::testing::TemporaryFolder;

namespace {

/// Rendered faces as image files: what --no-crop takes.
void write_faces(const fs::path& folder, int count, int side = 96) {
  for (int i = 0; i < count; ++i) {
    const Face face = Person(Population::standard(), 5, i).frame(0, side);
    write_image(folder / ("p" + std::to_string(i) + ".png"),
                publish(face.image, {.crop = {0, 0, side, side}, .size = side, .quality = 95}));
  }
}

PhotoOptions aligned(const TemporaryFolder& folder, const std::string& output = "set") {
  PhotoOptions options;
  options.photos = folder.path() / "photos";
  options.output = folder.path() / output;
  options.crop = false;
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

/// Mean absolute difference of two images of grey levels where the mask is set.
double difference(const fs::path& a, const fs::path& b, const cv::Mat& where) {
  cv::Mat absolute;
  cv::absdiff(cv::imread(a.string()), cv::imread(b.string()), absolute);
  const cv::Scalar mean = cv::mean(absolute, where);
  return (mean[0] + mean[1] + mean[2]) / 3.0;
}

/// A photograph that a Debian package brings along, or an empty path.
fs::path installed(const char* file) { return fs::exists(file) ? fs::path(file) : fs::path(); }
fs::path group_photograph() {  // visp-images-data
  return installed(
      "/usr/share/visp-images-data/ViSP-images/Solvay/"
      "Solvay_conference_1927_Version2_2126x1463.jpg");
}
fs::path grace_hopper() {  // python-matplotlib-data
  return installed("/usr/share/matplotlib/mpl-data/sample_data/grace_hopper.jpg");
}
fs::path astronaut() {  // python3-skimage
  return installed("/usr/lib/python3/dist-packages/skimage/data/astronaut.png");
}

bool has_cascade() {
  return error_of([] { find_cascade(); }).empty();
}

}  // namespace

TEST_CASE("photos: index, splits and pairs of a set made of aligned crops", "[photos]") {
  const TemporaryFolder folder;
  const PhotoOptions options = aligned(folder);
  write_faces(options.photos, 11);
  testing::write_text(options.photos / "broken.jpg", "no image");
  const SyntheticSummary summary = make_photo_set(options);
  CHECK(summary.identities == 11);
  REQUIRE(summary.left_out.size() == 1);
  CHECK(summary.left_out.front() == "broken.jpg: cannot be read as an image");

  const Index index = load_index(locate_data(options.output));
  CHECK(index.synthetic);
  CHECK(index.faults.without_frames.empty());
  CHECK(identity_leaks(index).empty());
  std::map<std::string, std::set<std::string>> people;  // split -> reals of FaceForensics++
  std::map<std::string, int> videos;                    // label -> count
  for (const Video& video : index.videos) {
    ++videos[video.label];
    CHECK(video.frames.size() == 2);
    if (!video.is_fake && video.dataset == "FaceForensics++")
      people[video.split].insert(video.name);
  }
  CHECK(people["train"].size() == 7);
  CHECK(people["val"].size() == 2);
  CHECK(people["test"].size() == 2);
  CHECK(videos == std::map<std::string, int>{{"FF-real", 11},
                                             {"FF-DF", 11},
                                             {"FF-F2F", 11},
                                             {"FF-FS", 11},
                                             {"FF-NT", 11},
                                             {"Synthetic-SBI_real", 2},
                                             {"Synthetic-SBI_fake", 2},
                                             {"Synthetic-FWA_real", 2},
                                             {"Synthetic-FWA_fake", 2}});
  std::set<std::string> everybody;
  for (const auto& [split, names] : people) everybody.insert(names.begin(), names.end());
  CHECK(everybody.size() == 11);

  for (const Video& fake : index.videos) {
    if (!fake.is_fake) continue;
    INFO(fake.label << " " << fake.name);
    REQUIRE(fake.real_partner.has_value());
    const Video& real = index.videos[*fake.real_partner];
    const auto names = identities(index, fake);
    CHECK(names.front() == real.name);
    CHECK((names.front() != names.back()) == (fake.label.starts_with("FF-")));
    for (const auto& name : names) {
      if (fake.dataset == "FaceForensics++") CHECK(people[fake.split].count(name) == 1);
      if (fake.dataset != "FaceForensics++") CHECK(people["test"].count(name) == 1);
    }
    for (std::size_t k = 0; k < 2; ++k) {
      const cv::Mat mask = cv::imread(fake.masks[k].string(), cv::IMREAD_UNCHANGED);
      REQUIRE(mask.size() == cv::Size(64, 64));
      // JPEG spreads a change over its blocks of 16 pixels.
      cv::Mat outside;
      cv::dilate(mask, outside, cv::Mat::ones(25, 25, CV_8U));
      outside = outside == 0;
      REQUIRE(cv::countNonZero(outside) > 100);
      const double own = difference(fake.frames[k], real.frames[k], outside);
      CHECK(own < 1.0);  // grey levels
      CHECK(own < 0.2 * difference(fake.frames[k], real.frames[1 - k], outside));
      CHECK(difference(fake.frames[k], real.frames[k], mask) > 2.0 * own + 0.5);
    }
  }

  // Who is who: the real frame resembles the photograph that the list names.
  std::ifstream list(options.output / "identities.csv");
  std::string line;
  std::getline(list, line);
  CHECK(line == "identity,split,photo,x,y,width,height");
  std::getline(list, line);
  CHECK(contains(line, "000,"));
  CHECK(contains(line, ",p0.png,0,0,96,96"));
}

TEST_CASE("photos: the same seed gives the same bytes for any number of threads",
          "[photos][invariant]") {
  const TemporaryFolder folder;
  PhotoOptions options = aligned(folder, "a");
  write_faces(options.photos, 7);
  options.threads = 1;
  make_photo_set(options);
  options.output = folder.path() / "b";
  options.threads = 2;
  make_photo_set(options);
  const auto first = tree(folder.path() / "a");
  // Frames and masks, 3 indexes, 3 lists of pairs, the list of people, the manifest.
  CHECK(first.size() == 7 * 2 * (1 + 2 * 4) + 2 * 2 * 2 * (1 + 2) + 3 + 3 + 1 + 1);
  CHECK(first == tree(folder.path() / "b"));
  options.output = folder.path() / "c";
  options.seed = 2;
  make_photo_set(options);
  CHECK(first != tree(folder.path() / "c"));
}

TEST_CASE("photos: the geometry follows the nuisance of the frame", "[photos][invariant]") {
  constexpr int size = 72;
  const FaceGeometry still = template_geometry(size);
  AlbumPerson person{"dots", {{"dots.png", {0, 0, size, size}, {}, false, 1.0F}}};
  cv::Mat& image = person.portraits.front().image;
  image = cv::Mat(size, size, CV_8UC3, cv::Scalar::all(40));
  const auto dot = [&](cv::Point2f at, const cv::Scalar& colour) {
    constexpr int shift = 4;  // fractional bits; pixel centres are at whole numbers
    const cv::Point fixed(cvRound((at.x - 0.5F) * 16.0F), cvRound((at.y - 0.5F) * 16.0F));
    cv::circle(image, fixed, 3 * 16, colour, -1, cv::LINE_AA, shift);
  };
  dot(still.left_eye, {240, 40, 40});
  dot(still.right_mouth, {40, 40, 240});
  const auto centroid = [](const cv::Mat& frame, int channel) {
    std::vector<cv::Mat> channels;
    cv::split(frame, channels);
    cv::Mat excess = channels[static_cast<std::size_t>(channel)] - channels[1];
    excess.setTo(0.0, excess < 0.2);
    const cv::Moments m = cv::moments(excess);
    return cv::Point2d(m.m10 / m.m00 + 0.5, m.m01 / m.m00 + 0.5);
  };
  const PhotoPerson someone(person, true, 0);
  double moved = 0.0;
  for (int k = 0; k < 6; ++k) {
    const Face face = someone.frame(Random(3), k, size);
    const cv::Point2d eye = centroid(face.image, 0);
    const cv::Point2d mouth = centroid(face.image, 2);
    CHECK(cv::norm(eye - cv::Point2d(face.geometry.left_eye)) < 0.35);
    CHECK(cv::norm(mouth - cv::Point2d(face.geometry.right_mouth)) < 0.35);
    moved = std::max(moved, cv::norm(eye - cv::Point2d(still.left_eye)));
  }
  CHECK(moved > 1.0);
}

TEST_CASE("photos: a forgery equals its real frame outside of the mask", "[photos][invariant]") {
  const TemporaryFolder folder;
  write_faces(folder.path() / "photos", 2);
  const Album album =
      read_album({.folder = folder.path() / "photos", .cascade = {}, .crop = false, .side = 72});
  REQUIRE(album.people.size() == 2);
  const Face real = PhotoPerson(album.people[0], true, 0).frame(Random(1), 0, 72);
  const Face other = PhotoPerson(album.people[1], true, 1).frame(Random(2), 0, 72);
  using enum Manipulation;
  for (const auto manipulation :
       {deepfakes, face2face, faceswap, neural_textures, self_blend, face_warp}) {
    INFO(static_cast<int>(manipulation));
    const Forgery forgery = manipulate(manipulation, real, other, Random(4));
    int outside = 0, changed_outside = 0, changed = 0;
    for (int row = 0; row < 72; ++row) {
      for (int column = 0; column < 72; ++column) {
        const bool differs =
            forgery.image.at<cv::Vec3f>(row, column) != real.image.at<cv::Vec3f>(row, column);
        const bool masked = forgery.mask.at<float>(row, column) > 0.0F;
        outside += masked ? 0 : 1;
        changed += differs ? 1 : 0;
        changed_outside += differs && !masked ? 1 : 0;
      }
    }
    CHECK(changed_outside == 0);
    CHECK(outside > 72 * 72 / 3);
    CHECK(changed > 72 * 72 / 40);
  }
}

TEST_CASE("photos: colour and compression do not give forgeries away", "[photos][audit]") {
  const TemporaryFolder folder;
  PhotoOptions options = aligned(folder);
  write_faces(options.photos, 24);
  // Half of them black and white, of which a shifted colour would be a give-away.
  for (int i = 0; i < 24; i += 2) {
    const fs::path file = options.photos / ("p" + std::to_string(i) + ".png");
    cv::imwrite(file.string(), cv::imread(file.string(), cv::IMREAD_GRAYSCALE));
  }
  make_photo_set(options);
  const Index index = load_index(locate_data(options.output));
  std::vector<fs::path> real;
  std::map<std::string, std::vector<fs::path>> fakes;
  int grey = 0, grey_fakes = 0;
  for (const Video& video : index.videos) {
    if (video.is_fake) {
      const auto spread = [](const fs::path& file) {
        const cv::Mat image = cv::imread(file.string());
        std::vector<cv::Mat> channels;
        cv::split(image, channels);
        return cv::norm(channels[0], channels[2], cv::NORM_INF);
      };
      if (spread(index.videos[*video.real_partner].frames[0]) == 0.0) {
        ++grey;
        grey_fakes += spread(video.frames[0]) == 0.0 ? 1 : 0;
      }
    }
    if (video.dataset != "FaceForensics++") continue;
    auto& files = video.is_fake ? fakes[video.label] : real;
    files.insert(files.end(), video.frames.begin(), video.frames.end());
  }
  CHECK(grey >= 12 * 4);
  CHECK(grey_fakes == grey);
  for (const auto& [label, files] : fakes) {
    for (const AuditRow& row : audit(real, files)) {
      INFO(label << " " << row.statistic);
      if (row.statistic.starts_with("mean") || row.statistic == "saturation" ||
          row.statistic == "JPEG grid") {
        CHECK(row.auc == Approx(0.5).margin(0.1));
      }
    }
  }
}

TEST_CASE("photos: a complete set is reused, anything else refused", "[photos]") {
  const TemporaryFolder folder;
  PhotoOptions options = aligned(folder);
  write_faces(options.photos, 6);
  CHECK_FALSE(make_photo_set(options).reused);
  const nlohmann::json manifest = nlohmann::json::parse(bytes(options.output / "synthetic.json"));
  CHECK(manifest.at("synthetic") == true);
  CHECK(manifest.at("source") == "photographs");
  CHECK(manifest.at("identities") == 6);
  CHECK(make_photo_set(options).reused);

  // One more photograph makes another set.
  write_faces(options.photos, 7);
  const auto before = tree(options.output);
  CHECK(contains(error_of([&] { make_photo_set(options); }), "other options"));
  CHECK(before == tree(options.output));
  SyntheticOptions rendered;
  rendered.output = options.output;
  CHECK(contains(error_of([&] { make_synthetic(rendered); }), "other options"));
  options.force = true;
  CHECK(make_photo_set(options).identities == 7);
  rendered = SyntheticOptions::preset("quick");
  rendered.output = options.output;
  rendered.image_size = 32;
  rendered.train_identities = rendered.val_identities = rendered.test_identities = 2;
  rendered.unseen_identities = 2;
  rendered.force = true;
  make_synthetic(rendered);
  CHECK_FALSE(fs::exists(options.output / "identities.csv"));

  // Photographs are not the set's to replace.
  options.photos = options.output / "rgb" / "Synthetic-SBI";
  CHECK(contains(error_of([&] { make_photo_set(options); }), "lie in one another"));
  CHECK(fs::exists(options.output / "synthetic.json"));
}

TEST_CASE("photos: errors name what is wrong", "[photos]") {
  const TemporaryFolder folder;
  PhotoOptions options = aligned(folder);
  CHECK(contains(error_of([&] { make_photo_set(options); }), "photos: not a folder"));
  write_faces(options.photos, 5);
  const std::string few = error_of([&] { make_photo_set(options); });
  CHECK(contains(few, "faces of 5 identities found, at least 6"));
  CHECK_FALSE(fs::exists(options.output));
  write_faces(options.photos / "tiny", 1, 39);
  CHECK(contains(error_of([&] { make_photo_set(options); }),
                 "tiny/p0.png: 1 face smaller than 40 pixels"));
  CHECK(contains(error_of([&] { find_cascade("no/such.xml"); }), "no/such.xml"));
  testing::write_text(folder.path() / "not.xml", "<a/>");
  CHECK(contains(error_of([&] { FaceFinder finder(folder.path() / "not.xml"); }), "not.xml"));
}

TEST_CASE("photos: a sub-folder is one person", "[photos]") {
  const TemporaryFolder folder;
  const fs::path photos = folder.path() / "photos";
  write_faces(photos, 2);
  write_faces(photos / "alice", 3);
  testing::write_text(photos / "notes.txt", "not an image");
  const Album album = read_album({.folder = photos, .cascade = {}, .crop = false, .side = 72});
  REQUIRE(album.people.size() == 3);
  CHECK(album.people[0].key == "alice/");
  CHECK(album.people[0].portraits.size() == 3);
  CHECK(album.people[1].key == "p0.png");
  CHECK(album.left_out.empty());
}

TEST_CASE("photos: the detector finds the people of real photographs", "[photos]") {
  if (!has_cascade()) {
    WARN("SKIPPED: OpenCV's cascades (Debian: opencv-data) are not installed");
    return;
  }
  const FaceFinder finder(find_cascade());
  struct Known {
    fs::path file;
    cv::Point nose;  ///< read off the picture by eye
  };
  for (const auto& [file, nose] :
       {Known{grace_hopper(), {268, 216}}, Known{astronaut(), {226, 122}}}) {
    if (file.empty()) {
      WARN("SKIPPED: a portrait of python-matplotlib-data or python3-skimage is not installed");
      continue;
    }
    const auto boxes = finder.faces(read_image(file));
    REQUIRE(boxes.size() >= 1);
    CHECK(boxes.front().contains(nose));
  }
  if (group_photograph().empty()) {
    WARN("SKIPPED: the group photograph of visp-images-data is not installed");
    return;
  }
  const cv::Mat group = read_image(group_photograph());
  const auto boxes = finder.faces(group);
  // 29 people sat for it; the detector may miss or invent one or two.
  CHECK(boxes.size() >= 27);
  CHECK(boxes.size() <= 32);
  CHECK(std::ranges::is_sorted(boxes, std::greater(),
                               [](const cv::Rect& box) { return box.area(); }));
  CHECK(boxes == finder.faces(group));

  const TemporaryFolder folder;
  PhotoOptions options = aligned(folder);
  options.crop = true;
  fs::create_directories(options.photos);
  fs::copy_file(group_photograph(), options.photos / "group.jpg");
  const SyntheticSummary summary = make_photo_set(options);
  CHECK(summary.identities == boxes.size());
  const Index index = load_index(locate_data(options.output));
  CHECK(identity_leaks(index).empty());
  CHECK(std::ranges::count_if(index.videos, [](const Video& video) {
          return video.label == "FF-real";
        }) == std::ssize(boxes));
}
