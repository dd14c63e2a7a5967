// SPDX-License-Identifier: MIT
#include "data/import.hpp"

#include <algorithm>
#include <map>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <set>
#include <string>
#include <vector>

#include "data/face_crop.hpp"
#include "data/face_track.hpp"
#include "data/identities.hpp"
#include "data/index.hpp"
#include "data/video_frames.hpp"
#include "images/image.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int step = 6;  // of brightness, from one frame to the next

/// A video whose frame n is of brightness n * step.
void write_video(const fs::path& file, int frames, const cv::Size& size = {64, 48}) {
  fs::create_directories(file.parent_path());
  cv::VideoWriter video(file.string(), cv::CAP_OPENCV_MJPEG,
                        cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 25, size);
  REQUIRE(video.isOpened());
  for (int n = 0; n < frames; ++n) video.write(cv::Mat(size, CV_8UC3, cv::Scalar::all(n * step)));
}

int number_in(const cv::Mat& rgb) { return cvRound(cv::mean(rgb)[0] / step); }

Index load(const fs::path& folder) { return load_index(locate_data(folder)); }

std::map<std::string, std::string> splits_by_video(const Index& index) {
  std::map<std::string, std::string> splits;
  for (const Video& video : index.videos) splits[video.label + "/" + video.name] = video.split;
  return splits;
}

/// Paths and bytes of all files below a folder.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    files[entry.path().lexically_relative(folder).generic_string()] = {
        std::istreambuf_iterator<char>(stream), {}};
  }
  return files;
}

void write_pair_lists(const fs::path& folder) {
  write_text(folder / "train.json", R"([["000", "003"]])");
  write_text(folder / "val.json", R"([["010", "011"]])");
  write_text(folder / "test.json", R"([["020", "021"]])");
}

/// A photo of 29 people, from Debian's visp-images-data.
fs::path solvay() {
  return "/usr/share/visp-images-data/ViSP-images/Solvay/"
         "Solvay_conference_1927_Version2_1280x881.png";
}
bool has_faces() {
  bool has_cascade = true;
  try {
    find_cascade();
  } catch (const std::runtime_error&) {
    has_cascade = false;
  }
  if (has_cascade && fs::exists(solvay())) return true;
  WARN("SKIPPED: needs OpenCV's cascades (opencv-data) and a photo (visp-images-data)");
  return false;
}

}  // namespace

TEST_CASE("video frames: evenly spaced, the right ones", "[import][video]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.avi";
  write_video(file, 40);
  const std::vector<VideoFrame> frames = read_video_frames(file, 4);
  REQUIRE(frames.size() == 4);
  const int expected[] = {0, 13, 26, 39};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(frames[i].number == expected[i]);
    CHECK(number_in(frames[i].rgb) == expected[i]);
  }
  CHECK(read_video_frames(file, 0).size() == 40);
  CHECK(read_video_frames(file, 100).size() == 40);
}

TEST_CASE("video frames: a cut-off video gives what it holds, over its real length",
          "[import][video]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.avi";
  write_video(file, 40);
  fs::resize_file(file, fs::file_size(file) / 2);
  std::vector<VideoFrame> frames;
  try {
    frames = read_video_frames(file, 3);
  } catch (const UnreadableVideo&) {
    SUCCEED("this OpenCV does not open it");
    return;
  }
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].number == 0);
  CHECK(frames[2].number < 39);
  for (const VideoFrame& frame : frames) CHECK(number_in(frame.rgb) == frame.number);
}

TEST_CASE("video frames: what is no video is named", "[import][video]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "a.mp4";
  write_text(file, "no video");
  CHECK(mentions(message_of([&] { read_video_frames(file, 4); }), "a.mp4"));
  CHECK(mentions(message_of([&] { read_video_frames(folder.path() / "b.mp4", 4); }), "b.mp4"));
}

TEST_CASE("import: raw FaceForensics++ by its pair lists", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  const fs::path reals = raw / "original_sequences" / "youtube" / "c23" / "videos";
  const fs::path fakes = raw / "manipulated_sequences" / "Deepfakes" / "c23" / "videos";
  for (const char* name : {"000", "003", "010", "020", "099"}) {
    write_video(reals / (name + std::string(".avi")), 21);
  }
  for (const char* name : {"000_003", "010_011", "020_021", "000_010"}) {
    write_video(fakes / (name + std::string(".avi")), 21);
  }
  write_text(fakes / "021_020.mp4", "no video");
  write_text(fakes / "readme.txt", "");
  // Frames that are there already are listed where they are.
  for (int n = 0; n < 9; ++n) {
    write_picture(raw / "manipulated_sequences/Face2Face/c23/frames/003_000" /
                  (std::to_string(n) + ".png"));
  }
  const std::string empty = "manipulated_sequences/Face2Face/c23/frames/010_011";
  fs::create_directories(raw / empty);
  fs::create_directories(raw / "manipulated_sequences" / "FaceSwap" / "c40");

  const ImportOptions options{.from = raw, .output = folder.path() / "data", .frames = 5};
  CHECK(mentions(message_of([&] { import_data(options); }), "train.json: no such file"));
  write_pair_lists(raw);
  const ImportResult result = import_data(options);
  CHECK(result.datasets == std::vector<std::string>{"FaceForensics++"});
  CHECK(result.videos == 8);
  CHECK(result.frames == 40);
  CHECK(result.written == 35);
  CHECK(result.in_place == 5);
  CHECK(result.faults.unlisted ==
        std::vector<std::string>{"original_sequences/youtube/c23/videos/099.avi"});
  CHECK(result.faults.across_splits ==
        std::vector<std::string>{"manipulated_sequences/Deepfakes/c23/videos/000_010.avi"});
  CHECK(result.faults.unreadable ==
        std::vector<std::string>{"manipulated_sequences/Deepfakes/c23/videos/021_020.mp4"});
  CHECK(result.faults.without_frames ==
        std::vector<std::string>{empty, result.faults.unreadable.front()});
  CHECK(result.faults.ignored ==
        std::vector<std::string>{
            "manipulated_sequences/Deepfakes/c23/videos/readme.txt (no video by its ending)",
            "manipulated_sequences/FaceSwap (holds c40)"});
  CHECK(mentions(to_text(result.faults), "videos left out, in no split list, 1: original"));

  const Index index = load(options.output);
  CHECK(splits_by_video(index) == std::map<std::string, std::string>{{"FF-real/000", "train"},
                                                                     {"FF-real/003", "train"},
                                                                     {"FF-real/010", "val"},
                                                                     {"FF-real/020", "test"},
                                                                     {"FF-DF/000_003", "train"},
                                                                     {"FF-DF/010_011", "val"},
                                                                     {"FF-DF/020_021", "test"},
                                                                     {"FF-F2F/003_000", "train"}});
  CHECK(identity_leaks(index).empty());
  for (const Video& video : index.videos) {
    CHECK(video.compression == "c23");
    CHECK(video.is_fake == (video.label != "FF-real"));
    if (video.name == "003_000") {
      CHECK(video.frames.at(1).parent_path().filename() == "003_000");
      CHECK(video.frames.at(1).filename() == "2.png");
      continue;
    }
    REQUIRE(video.frames.size() == 5);
    for (int n = 0; n < 5; ++n) {
      const fs::path& frame = video.frames[static_cast<std::size_t>(n)];
      CHECK(std::stoi(frame.stem().string()) == 5 * n);
      CHECK(number_in(read_image(frame)) == 5 * n);
    }
  }

  // To be cropped, frames that are there already are not listed as they are.
  ImportOptions cropped = options;
  cropped.output = folder.path() / "cropped";
  cropped.crop_faces = true;
  CHECK(mentions(message_of([&] { import_data(cropped); }),
                 "videos with frames without a face (their number), 8: "));
  cropped.name = "../x";
  CHECK(mentions(message_of([&] { import_data(cropped); }), "--name must be a name without"));
}

TEST_CASE("import: a second time decodes nothing, and any thread count gives the same",
          "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    write_video(raw / "real" / (name + std::string(".avi")), 12);
    write_video(raw / "swap" / (name + std::string(".avi")), 12);
  }
  ImportOptions options{.from = raw, .output = folder.path() / "data", .frames = 3};
  CHECK(import_data(options).written == 30);
  const auto first = content_of(options.output);
  const fs::path lost = options.output / "rgb/data/real/frames/c/011.png";
  REQUIRE(fs::remove(lost));
  const ImportResult again = import_data(options);
  CHECK(again.written == 1);
  CHECK(again.frames == 30);
  CHECK(import_data(options).written == 0);
  CHECK(content_of(options.output) == first);

  ImportOptions parallel = options;
  parallel.output = folder.path() / "elsewhere" / "data";
  parallel.threads = 3;
  import_data(parallel);
  CHECK(content_of(parallel.output) == first);

  ImportOptions other = options;
  other.frames = 4;
  CHECK(mentions(message_of([&] { import_data(other); }), "imported with other options"));
}

TEST_CASE("import: a tree without splits is split by person", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  for (int person = 0; person < 20; ++person) {
    const std::string name = std::to_string(100 + person);
    write_picture(raw / "0_real" / name / "frame_7.png");
    write_picture(raw / "0_real" / name / "frame_12.jpg");
    // Pairs as in FaceForensics++: 100 with 101 and so on.
    const std::string other = std::to_string(100 + (person ^ 1));
    write_picture(raw / "face_swap" / (name + "_" + other) / "frame_12.png");
  }
  write_picture(raw / "Blend" / "105.png");
  write_text(raw / "Blend" / "106.png", "no picture");
  write_text(raw / "notes.txt", "");
  ImportOptions options{.from = raw, .output = folder.path() / "data", .name = "mine"};
  const ImportResult result = import_data(options);
  CHECK(result.videos == 41);
  CHECK(result.faults.ignored ==
        std::vector<std::string>{"notes.txt (not in a folder that tells its label)"});
  CHECK(result.faults.unreadable == std::vector<std::string>{"Blend/106.png"});
  const Index index = load(options.output);
  CHECK(index.faults.unknown_labels.empty());
  CHECK(identity_leaks(index).empty());
  std::map<std::string, int> per_split, per_label;
  for (const Video& video : index.videos) {
    ++per_label[video.label];
    if (!video.is_fake) ++per_split[video.split];
    CHECK(video.is_fake == (video.label != "mine_real"));
    CHECK((!video.is_fake || video.real_partner));
  }
  CHECK(per_label == std::map<std::string, int>{
                         {"mine_real", 20}, {"mine_fake-face-swap", 20}, {"mine_fake-Blend", 1}});
  CHECK(per_split == std::map<std::string, int>{{"train", 12}, {"val", 4}, {"test", 4}});
  CHECK(index.videos.front().dataset == "mine");
  const auto fake = std::ranges::find(index.videos, "100_101", &Video::name);
  CHECK(pair_frames(index.videos[*fake->real_partner], *fake).size() == 1);

  // Another seed, another split; the frames stay.
  const auto before = splits_by_video(index);
  options.seed = 1;
  CHECK(import_data(options).written == 0);
  CHECK(splits_by_video(load(options.output)) != before);
  CHECK(identity_leaks(load(options.output)).empty());
}

TEST_CASE("import: people who are all tied together are still split", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  for (int person = 0; person < 24; ++person) {
    const std::string name = "id" + std::to_string(person);
    const std::string next = "id" + std::to_string((person + 1) % 24);
    write_picture(raw / "real" / (name + "_0000.png"));
    write_picture(raw / "fake" / (name + "_" + next + "_0000.png"));
  }
  const ImportOptions options{.from = raw, .output = folder.path() / "data"};
  const ImportResult result = import_data(options);
  const Index index = load(options.output);
  CHECK(identity_leaks(index).empty());
  std::set<std::string> splits;
  for (const Video& video : index.videos) splits.insert(video.split);
  CHECK(splits.size() == 3);
  CHECK(result.faults.across_splits.size() + index.videos.size() == 48);
  CHECK_FALSE(result.faults.across_splits.empty());
}

TEST_CASE("import: a tree with splits keeps them", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  write_picture(raw / "train" / "real" / "a.png");
  write_picture(raw / "train" / "swap" / "a.png");
  write_picture(raw / "validation" / "real" / "b.png");
  write_picture(raw / "test" / "youtube" / "c.png");
  write_picture(raw / "test" / "original" / "c.png");
  write_video(raw / "test" / "swap" / "c.avi", 3);
  write_picture(raw / "test" / "swap" / "c.png");  // of the same name
  write_picture(raw / "more" / "x.png");
  const ImportOptions options{.from = raw, .output = folder.path() / "set"};
  const ImportResult result = import_data(options);
  CHECK(result.faults.ignored ==
        std::vector<std::string>{
            "more (beside the splits)",
            "test/swap/c.png (its frames, or another file of the name, are there)"});
  CHECK(splits_by_video(load(options.output)) ==
        std::map<std::string, std::string>{{"set_real/a", "train"},
                                           {"set_fake-swap/a", "train"},
                                           {"set_real/b", "val"},
                                           {"set_real/c", "test"},
                                           {"set_real/youtube-c", "test"},
                                           {"set_fake-swap/c", "test"}});
}

TEST_CASE("import: Celeb-DF keeps the people of its test list out of training", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "Celeb-DF-v2";
  for (const char* name :
       {"Celeb-real/id0_0000", "Celeb-real/id1_0000", "Celeb-real/id2_0000", "Celeb-real/id3_0000",
        "YouTube-real/00170", "YouTube-real/00171", "Celeb-synthesis/id0_id1_0000",
        "Celeb-synthesis/id2_id3_0000", "Celeb-synthesis/id0_id2_0000"}) {
    write_video(raw / (name + std::string(".avi")), 3);
  }
  const ImportOptions options{.from = raw, .output = folder.path() / "data", .frames = 2};
  CHECK(mentions(message_of([&] { import_data(options); }), "List_of_testing_videos.txt"));
  write_text(raw / "List_of_testing_videos.txt",
             "1 YouTube-real/00170.mp4\n1 Celeb-real/id0_0000.mp4\n"
             "0 Celeb-synthesis/id0_id1_0000.mp4\n");
  const ImportResult result = import_data(options);
  const Index index = load(options.output);
  CHECK(result.datasets == std::vector<std::string>{"Celeb-DF-v2"});
  CHECK(identity_leaks(index).empty());
  auto splits = splits_by_video(index);
  CHECK(splits["CelebDFv2_real/00170"] == "test");
  CHECK(splits["CelebDFv2_real/id0_0000"] == "test");
  CHECK(splits["CelebDFv2_fake/id0_id1_0000"] == "test");
  CHECK(splits["CelebDFv2_fake/id2_id3_0000"] != "test");
  CHECK(splits["CelebDFv2_fake/id2_id3_0000"] == splits["CelebDFv2_real/id3_0000"]);
  CHECK(result.faults.across_splits ==
        std::vector<std::string>{"Celeb-real/id1_0000.avi", "Celeb-synthesis/id0_id2_0000.avi"});
}

TEST_CASE("import: what cannot be imported is one clear line", "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  ImportOptions options{.from = raw, .output = folder.path() / "data"};
  const auto message = [&] { return message_of([&] { import_data(options); }); };
  CHECK(mentions(message(), "raw: no such folder; correct --from"));
  fs::create_directories(raw);
  CHECK(mentions(message(), "raw: nothing to import; expected folders real, A, B"));
  write_picture(raw / "swap" / "a.png");
  CHECK(mentions(message(), "raw: no folder of real data; name it real"));
  write_picture(raw / "real" / "a.png");
  options.output = raw / "data";
  CHECK(mentions(message(), "must not lie in the folder to import from"));
  options.output = folder.path() / "data";
  write_text(options.output / "dataset_json" / "data.json", "{}");
  CHECK(mentions(message(), "is there already and not from an import"));
}

TEST_CASE("faces: many on a group photo", "[import][faces]") {
  if (!has_faces()) return;
  FaceCropper cropper;
  const cv::Mat photo = read_image(solvay());
  const std::vector<cv::Rect> faces = cropper.faces(photo);
  CHECK(faces.size() >= 25);  // 29 people
  CHECK(faces.size() <= 31);
  CHECK(std::ranges::is_sorted(faces, std::greater(), &cv::Rect::area));
  const std::optional<cv::Mat> crop = cropper.crop(photo);
  REQUIRE(crop);
  CHECK(crop->size() == cv::Size(256, 256));
  CHECK_FALSE(cropper.crop(cv::Mat(200, 200, CV_8UC3, cv::Scalar(90, 90, 90))));
}

TEST_CASE("faces: the crop is a square of the margin around the box", "[import][faces]") {
  if (!has_faces()) return;
  // Each pixel tells its place.
  cv::Mat image(200, 200, CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      image.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(x), static_cast<unsigned char>(y), 0};
    }
  }
  const FaceCropper cropper({.margin = 1.5, .size = 61});
  const cv::Mat crop = cropper.crop(image, cv::Rect(80, 60, 41, 41));  // centre 100, 80; side 62
  CHECK(crop.size() == cv::Size(61, 61));
  CHECK(crop.at<cv::Vec3b>(30, 30)[0] == Approx(100).margin(1));
  CHECK(crop.at<cv::Vec3b>(30, 30)[1] == Approx(80).margin(1));
  CHECK(crop.at<cv::Vec3b>(0, 0)[0] == Approx(69.5).margin(1));
  CHECK(crop.at<cv::Vec3b>(60, 60)[1] == Approx(110.5).margin(1));
  // Beyond the border the border goes on.
  CHECK(cropper.crop(image, cv::Rect(0, 0, 41, 41)).at<cv::Vec3b>(0, 0) == cv::Vec3b(0, 0, 0));
  CHECK(mentions(message_of([] { FaceCropper({.cascade = "absent.xml"}); }),
                 "absent.xml: no such face cascade"));
}

TEST_CASE("faces: one person is followed through a video", "[faces]") {
  FaceTrack track;
  const cv::Rect left(10, 10, 40, 40), right(110, 12, 38, 38);
  CHECK_FALSE(track.follow({}));
  CHECK(*track.follow({left, right}) == left);
  // The other one is larger now, and first in the list.
  const cv::Rect smaller(14, 12, 36, 36), larger(108, 10, 48, 48);
  CHECK(*track.follow({larger, smaller}) == smaller);
  // The detector misses the person: nobody else takes the place.
  CHECK_FALSE(track.follow({larger}));
  CHECK_FALSE(track.follow({}));
  CHECK(*track.follow({larger, smaller}) == smaller);
  // The person moves, by less than a face at a time.
  for (int x = 20; x < 60; x += 20) {
    const cv::Rect moved(x, 12, 36, 36);
    CHECK(*track.follow({larger, moved}) == moved);
  }
  track.reset();
  CHECK(*track.follow({larger, smaller}) == larger);
}

TEST_CASE("import: videos that the test list names and that are not there are counted",
          "[import]") {
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "Celeb-DF-v2";
  write_picture(raw / "Celeb-real" / "frames" / "id0_0000" / "0.png");
  write_picture(raw / "Celeb-synthesis" / "frames" / "id1_id2_0000" / "0.png");
  write_picture(raw / "Celeb-real" / "frames" / "id3_0000" / "0.png");
  write_text(raw / "List_of_testing_videos.txt",
             "1 Celeb-real/id0_0000.mp4\n1 YouTube-real/00170.mp4\n");
  const ImportResult result = import_data({.from = raw, .output = folder.path() / "data"});
  CHECK(result.faults.absent == std::vector<std::string>{"YouTube-real/00170"});
  CHECK(
      mentions(to_text(result.faults), "videos of the lists that are not there, 1: YouTube-real"));
  CHECK(read_left_out(folder.path() / "data").size() == left_out(result.faults).size());
}

TEST_CASE("import: frames without a face are counted and left out", "[import][faces]") {
  if (!has_faces()) return;
  const TemporaryFolder folder;
  const fs::path raw = folder.path() / "raw";
  const cv::Mat photo = cv::imread(solvay().string());
  for (const char* video : {"real/a", "swap/a"}) {
    fs::create_directories(raw / video);
    cv::imwrite((raw / video / "0.png").string(), photo);
    write_picture(raw / video / "1.png");
  }
  write_picture(raw / "real" / "b.png");
  const ImportOptions options{
      .from = raw, .output = folder.path() / "data", .crop_faces = true, .face = {.size = 64}};
  for (const std::size_t written : {2, 0}) {
    const ImportResult result = import_data(options);
    CHECK(result.written == written);
    CHECK(result.frames == 2);
    CHECK(result.faults.without_face ==
          std::vector<std::string>{"real/a (1)", "real/b.png (1)", "swap/a (1)"});
    CHECK(result.faults.without_frames == std::vector<std::string>{"real/b.png"});
  }
  const Index index = load(options.output);
  CHECK(read_image(index.videos.at(0).frames.at(0)).size() == cv::Size(64, 64));
}
