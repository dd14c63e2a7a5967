// SPDX-License-Identifier: MIT
// Landmarks, aligned crops and several people of one video.
#include "data/face_alignment.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "data/face_track.hpp"
#include "data/identities.hpp"
#include "data/import.hpp"
#include "data/index.hpp"
#include "data/selection.hpp"
#include "dlib_faces_reference.hpp"
#include "files/npy.hpp"
#include "images/image.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

namespace {

bool has_dlib() {
  if (*dlib_version() == '\0') {
    WARN("SKIPPED: built without dlib (libdlib-dev)");
    return false;
  }
  try {
    find_landmark_model();
  } catch (const std::runtime_error&) {
    WARN("SKIPPED: needs dlib's file of landmarks (libdlib-data)");
    return false;
  }
  return true;
}

bool has_photographs() {
  if (!has_dlib()) return false;
  if (fs::exists(dlib_photographs() / "faces" / "bald_guys.jpg")) return true;
  WARN("SKIPPED: needs dlib's photographs (libdlib19.1)");
  return false;
}

/// The photographs of several people, and those of five men.
std::vector<fs::path> photographs() {
  std::vector<fs::path> files;
  for (const char* folder : {"faces", "johns"}) {
    for (const auto& entry : fs::recursive_directory_iterator(dlib_photographs() / folder)) {
      if (entry.path().extension() == ".jpg") files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

double distance(const cv::Point2d& a, const cv::Point2d& b) { return cv::norm(a - b); }

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Of a file whose numbers begin where write_npy puts them.
Landmarks landmarks_of(const fs::path& file) {
  constexpr std::size_t begin = 128;
  const std::string bytes = bytes_of(file);
  REQUIRE(bytes.size() > begin);
  Landmarks points((bytes.size() - begin) / sizeof(cv::Point2d));
  std::memcpy(static_cast<void*>(points.data()), bytes.data() + begin,
              points.size() * sizeof(cv::Point2d));
  return points;
}

}  // namespace

TEST_CASE("npy: the bytes are NumPy's", "[npy]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.npy";
  write_npy(file, std::vector<double>{1.5, -2, 3, 4.25}, 2);
  // As numpy.save(file, numpy.array([[1.5, -2], [3, 4.25]])) writes it.
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }";
  header.resize(117, ' ');
  const std::string numbers(
      "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x08\x40\0\0\0\0\0\0\x11\x40", 32);
  CHECK(bytes_of(file) == std::string("\x93NUMPY\x01\0\x76\0", 10) + header + '\n' + numbers);
}

TEST_CASE("alignment: the template is the published one", "[align]") {
  const FivePoints published = template_points(112, 1);
  CHECK(published[0].x == Approx(38.2946));
  CHECK(published[4].y == Approx(92.2041));
  // 256 pixels, scale 1.3, calculated apart.
  const double expected[5][2] = {{96.869626, 120.433055},
                                 {158.825143, 120.090374},
                                 {128.044308, 155.668747},
                                 {102.592176, 191.939341},
                                 {153.898725, 191.65556}};
  const FivePoints points = template_points(256, 1.3);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(points[i].x == Approx(expected[i][0]).epsilon(1e-7));
    CHECK(points[i].y == Approx(expected[i][1]).epsilon(1e-7));
  }
}

TEST_CASE("alignment: the five points are those of the choice", "[align]") {
  Landmarks landmarks;
  for (int i = 0; i < 68; ++i) landmarks.emplace_back(i, i * i);
  const FivePoints centres = key_points(landmarks, KeyPoints::centres);
  CHECK(centres[0].x == Approx(38.5));  // of 36 to 41
  CHECK(centres[1].x == Approx(44.5));  // of 42 to 47
  CHECK(centres[2] == cv::Point2d(30, 900));
  CHECK(centres[3].x == 48);
  CHECK(centres[4].x == 54);
  const FivePoints theirs = key_points(landmarks, KeyPoints::deepfakebench);
  const double expected[] = {37, 44, 30, 49, 55};
  for (std::size_t i = 0; i < 5; ++i) CHECK(theirs[i].x == expected[i]);
}

TEST_CASE("alignment: the similarity is the closest one", "[align]") {
  const FivePoints to = template_points(256, 1.3);
  // By the normal equations of scale and rotation, and shift, solved apart.
  const FivePoints from{{{120, 95}, {171.5, 102}, {143, 131}, {112, 158.5}, {158, 165}}};
  const cv::Matx23d found = similarity(from, to);
  CHECK(found(0, 0) == Approx(1.1131536318223447));
  CHECK(found(1, 0) == Approx(-0.1822168356074479));
  CHECK(found(0, 1) == Approx(0.1822168356074479));
  CHECK(found(0, 2) == Approx(-52.54020480341882).epsilon(1e-6));
  CHECK(found(1, 2) == Approx(36.5878493106379).epsilon(1e-6));
  // One that fits exactly is found.
  const cv::Matx23d exact(0.6, -0.8, 11, 0.8, 0.6, -7);
  FivePoints turned;
  for (std::size_t i = 0; i < 5; ++i) turned[i] = moved(exact, to[i]);
  CHECK(cv::norm(similarity(to, turned) - exact) < 1e-12);
}

TEST_CASE("faces: several people are followed at once", "[faces]") {
  using People = std::vector<std::size_t>;
  PeopleTracks tracks;
  const cv::Rect left(10, 10, 40, 40), right(110, 12, 38, 38);
  CHECK(tracks.follow({left, right}) == People{0, 1});
  // The order by size changes, the people do not.
  const cv::Rect smaller(14, 12, 36, 36), larger(108, 10, 48, 48);
  CHECK(tracks.follow({larger, smaller}) == People{1, 0});
  CHECK(tracks.follow({}).empty());
  CHECK(tracks.follow({smaller}) == People{0});
  // Somebody comes where nobody was, and one face is one person's.
  const cv::Rect third(300, 10, 40, 40), beside(20, 12, 36, 36);
  CHECK(tracks.follow({third, larger, smaller}) == People{2, 1, 0});
  CHECK(tracks.follow({smaller, beside}) == People{0, 3});
  tracks.reset();
  CHECK(tracks.follow({larger, smaller}) == People{0, 1});
}

TEST_CASE("people of one video share its identities, and pair with those of the real one",
          "[import][identities]") {
  Index index;
  const auto add = [&](const char* name, bool is_fake) {
    index.videos.push_back({.dataset = "mine",
                            .label = is_fake ? "mine_fake" : "mine_real",
                            .split = "train",
                            .name = name,
                            .is_fake = is_fake});
  };
  add("000", false);
  add("000@2", false);
  add("000_003@2", true);
  add("group@12", false);
  add("me@home", false);
  link_real_partners(index);
  CHECK(index.videos[2].real_partner == 1U);
  const auto people = [&](std::size_t video) { return identities(index, index.videos[video]); };
  CHECK(people(1) == std::vector<std::string>{"000"});
  CHECK(people(2) == std::vector<std::string>{"000", "003"});
  CHECK(people(3) == std::vector<std::string>{"group"});
  CHECK(people(4) == std::vector<std::string>{"me@home"});
}

TEST_CASE("import: what alignment needs is said", "[import][align]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  write_picture(raw / "real" / "a.png");
  ImportOptions options{.from = raw, .output = folder.path() / "data"};
  options.every_person = true;
  CHECK(mentions(message_of([&] { import_data(options); }), "--align dlib or --crop-faces"));
  options.face.align = "dlib";
  if (*dlib_version() == '\0') {
    CHECK(mentions(message_of([&] { import_data(options); }), "libdlib-dev, libdlib-data"));
    CHECK(mentions(message_of([&] { import_data(options); }), "--crop-faces"));
    return;
  }
  options.face.landmarks = folder.path() / "none.dat";
  CHECK(mentions(message_of([&] { import_data(options); }), "none.dat: no such file of landmarks"));
  write_text(options.face.landmarks, "nothing");
  CHECK(
      mentions(message_of([&] { import_data(options); }), "none.dat: no file of dlib's landmarks"));
  CHECK(mentions(message_of([] { FaceCutter({.align = "dilb"}); }), "did you mean 'dlib'?"));
}

TEST_CASE("import: every face that dlib's example finds is aligned", "[import][align][photos]") {
  if (!has_photographs()) return;
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  std::size_t expected = 0;
  for (const fs::path& photo : photographs()) {
    const std::string name =
        photo.parent_path().filename().string() + "-" + photo.filename().string();
    fs::create_directories(raw / "real");
    fs::copy_file(photo, raw / "real" / name);
    expected += dlib_example_faces(photo).size();
  }
  REQUIRE(expected > 60);
  ImportOptions options{.from = raw, .output = folder.path() / "data"};
  options.every_person = true;
  options.face.align = "dlib";
  options.threads = 2;
  const ImportResult result = import_data(options);
  CHECK(result.videos == expected);
  CHECK(result.written == expected);
  CHECK(result.faults.unreadable.empty());

  const Index index = load_index(locate_data(options.output));
  const FivePoints places = template_points(256, 1.3);
  const LandmarkFinder finder(find_landmark_model());
  std::vector<double> written, seen, apart;
  for (const Video& video : index.videos) {
    REQUIRE(video.frames.size() == 1);
    const fs::path& frame = video.frames.front();
    const cv::Mat crop = read_image(frame);
    CHECK(crop.size() == cv::Size(256, 256));
    fs::path beside = frame.parent_path().parent_path().parent_path() / "landmarks" /
                      frame.parent_path().filename() / frame.filename();
    const Landmarks landmarks = landmarks_of(beside.replace_extension(".npy"));
    REQUIRE(landmarks.size() == 68);
    const auto add_eyes = [&](const Landmarks& face, std::vector<double>& distances) {
      const FivePoints points = key_points(face, KeyPoints::centres);
      for (const std::size_t eye : {0, 1}) distances.push_back(distance(points[eye], places[eye]));
    };
    add_eyes(landmarks, written);
    // And looked for again, in the crop.
    const std::vector<FoundFace> faces = finder.faces(crop);
    if (faces.empty()) continue;
    add_eyes(faces.front().landmarks, seen);
    const FivePoints kept = key_points(landmarks, KeyPoints::centres);
    const FivePoints again = key_points(faces.front().landmarks, KeyPoints::centres);
    for (const std::size_t eye : {0, 1}) apart.push_back(distance(kept[eye], again[eye]));
  }
  const auto statistics = [](std::vector<double>& distances) {
    std::ranges::sort(distances);
    const std::size_t count = distances.size();
    const auto near = std::ranges::count_if(distances, [](double d) { return d <= 2; });
    std::ostringstream text;
    text << count << " eyes, median " << distances[count / 2] << ", 90 % below "
         << distances[count * 9 / 10] << ", worst " << distances.back() << ", within 2 pixels "
         << near;
    return text.str();
  };
  WARN("kept landmarks: " << statistics(written));
  WARN("found in the crops: " << statistics(seen));
  WARN("kept and found: " << statistics(apart));
  // Faces differ from the template, and from each other, by more than a similarity can undo.
  CHECK(written[written.size() / 2] < 5);
  CHECK(seen[seen.size() / 2] < 5);
  CHECK(apart[apart.size() / 2] < 2);

  // A second time nothing is looked at.
  const ImportResult again = import_data(options);
  CHECK(again.written == 0);
  CHECK(again.frames == expected);
}
