// SPDX-License-Identifier: MIT
// Forgeries made while training: what they change, what they depend on, where the face is.
#include "forging/forge.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "data/identities.hpp"
#include "data/pseudo_kinds.hpp"
#include "data/val_split.hpp"
#include "forging/landmarks.hpp"
#include "forging/soft_mask.hpp"
#include "images/image.hpp"
#include "sample_data.hpp"
#include "support/catch.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using testing::mentions;
using testing::message_of;
using testing::TemporaryFolder;

/// A picture with detail everywhere, and colours of its own.
cv::Mat textured(int size, int seed) {
  cv::Mat image(size, size, CV_8UC3);
  cv::RNG numbers(static_cast<std::uint64_t>(seed));
  numbers.fill(image, cv::RNG::UNIFORM, 30, 220);
  cv::GaussianBlur(image, image, {}, 1.0);
  return image + cv::Scalar(5 * seed, 0, 20);
}

bool same(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && cv::norm(a, b, cv::NORM_INF) == 0;
}

/// dlib's 68 points on two circles: the jaw and brows on the outer one, all else near the middle.
std::vector<cv::Point2f> round_landmarks(cv::Point2f middle, float radius) {
  std::vector<cv::Point2f> points;
  for (int i = 0; i < 68; ++i) {
    const float turn = 2.0F * std::numbers::pi_v<float> * static_cast<float>(i) / 27.0F;
    const float reach = i < 27 ? radius : 0.3F * radius;
    points.push_back(middle + reach * cv::Point2f(std::cos(turn), std::sin(turn)));
  }
  return points;
}

/// An array as numpy.save writes it, format version 1.0.
std::string npy(const std::string& type, const std::string& shape, const std::string& bytes) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(118 - header.size() - 1, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n' + bytes;
}
template <class Number>
std::string bytes_of(const std::vector<cv::Point2f>& points) {
  std::string bytes;
  for (const cv::Point2f& point : points) {
    for (const float value : {point.x, point.y}) {
      const auto number = static_cast<Number>(value);
      bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
  }
  return bytes;
}

TEST_CASE("forge: a forgery is the real picture outside its mask, and another one inside",
          "[forging]") {
  const Picture target{textured(64, 1), assumed_shape("aligned", 64)};
  const Picture donor{textured(64, 2), assumed_shape("box", 64)};
  for (const PseudoKind& kind : pseudo_kinds) {
    CAPTURE(kind.name);
    double inside = 0, area = 0;
    for (std::uint64_t key = 0; key < 20; ++key) {
      const Forged forged = forge(kind.name, target, &donor, Random(key));
      REQUIRE(forged.real.size() == target.image.size());
      REQUIRE(forged.fake.type() == CV_8UC3);
      cv::Mat difference, outside;
      cv::absdiff(forged.real, forged.fake, difference);
      const cv::Mat untouched = forged.mask == 0;
      difference.copyTo(outside, untouched);
      CHECK(cv::norm(outside, cv::NORM_INF) == 0);
      inside += cv::norm(difference, cv::NORM_L1);
      area += cv::countNonZero(forged.mask > 0);
      CHECK(cv::countNonZero(untouched) > 64 * 64 / 40);
    }
    CHECK(inside / (3 * area) > 0.5);
    CHECK(area / 20 > 0.05 * 64 * 64);
  }
}

TEST_CASE("forge: depends on its key alone, and keeps the target when told", "[forging]") {
  const Picture target{textured(48, 1), assumed_shape("aligned", 48)};
  const Picture donor{textured(48, 2), assumed_shape("aligned", 48)};
  const cv::Mat before = target.image.clone();
  std::size_t changed_targets = 0;
  for (const PseudoKind& kind : pseudo_kinds) {
    CAPTURE(kind.name);
    for (std::uint64_t key = 0; key < 12; ++key) {
      const Forged once = forge(kind.name, target, &donor, Random(key));
      const Forged again = forge(kind.name, target, &donor, Random(key));
      CHECK(same(once.real, again.real));
      CHECK(same(once.fake, again.fake));
      CHECK_FALSE(same(once.fake, forge(kind.name, target, &donor, Random(key + 100)).fake));
      changed_targets += same(once.real, target.image) ? 0 : 1;
      const Forged kept = forge(kind.name, target, &donor, Random(key), {.keep_target = true});
      CHECK(same(kept.real, target.image));
    }
  }
  CHECK(same(target.image, before));
  // Half of the self-blends, and nothing else.
  CHECK(changed_targets > 0);
  CHECK(changed_targets < 12);
  CHECK(needs_donor("region-swap"));
  CHECK_FALSE(needs_donor("self-blend"));
}

TEST_CASE("forge: a swapped region has the target's mean colour", "[forging]") {
  Picture target{textured(64, 1), assumed_shape("aligned", 64)};
  Picture donor{textured(64, 2) / 3 + cv::Scalar(90, 10, 40), assumed_shape("aligned", 64)};
  for (std::uint64_t key = 0; key < 10; ++key) {
    const Forged forged = forge("region-swap", target, &donor, Random(key));
    const cv::Mat middle = forged.mask > 0.2;
    if (cv::countNonZero(middle) < 100) continue;
    const cv::Scalar difference = cv::mean(forged.fake, middle) - cv::mean(forged.real, middle);
    const cv::Scalar apart = cv::mean(donor.image, middle) - cv::mean(forged.real, middle);
    CHECK(cv::norm(difference) < 12);
    CHECK(cv::norm(apart) > 25);
  }
}

TEST_CASE("soft_mask: soft, within a bent outline, never twice the same", "[forging]") {
  std::vector<cv::Point2f> circle;
  for (int i = 0; i < 24; ++i) {
    const float turn = 2.0F * std::numbers::pi_v<float> * static_cast<float>(i) / 24.0F;
    circle.emplace_back(50.0F + 20.0F * std::cos(turn), 50.0F + 20.0F * std::sin(turn));
  }
  cv::Mat last;
  for (std::uint64_t key = 0; key < 30; ++key) {
    const cv::Mat mask = soft_mask(circle, {100, 100}, Random(key));
    double low = 0, high = 0;
    cv::minMaxLoc(mask, &low, &high);
    CHECK(low >= 0);
    CHECK(high == Approx(1).margin(1e-5));
    CHECK(mask.at<float>(50, 50) > 0.9F);
    const cv::Mat between = (mask > 0.05F) & (mask < 0.95F);
    CHECK(cv::countNonZero(between) > 20);
    // Scaled by up to 1.05, bent by up to 0.21 of the radius, blurred by up to 4 pixels.
    for (int row = 0; row < 100; ++row) {
      for (int column = 0; column < 100; ++column) {
        if (std::hypot(row - 50.0, column - 50.0) > 20 * 1.05 * 1.21 + 18) {
          REQUIRE(mask.at<float>(row, column) < 1e-3F);
        }
      }
    }
    if (!last.empty()) CHECK(cv::norm(mask, last, cv::NORM_INF) > 0.1);
    last = mask;
  }
}

TEST_CASE("landmarks: read from where the layout has them, as NumPy writes them", "[forging]") {
  CHECK(landmarks_file("/d/c23/frames/071_054/007.png") == "/d/c23/landmarks/071_054/007.npy");
  CHECK(landmarks_file("/d/071/007.png").empty());
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "007.npy";
  const std::vector<cv::Point2f> points = round_landmarks({100, 120}, 60);
  for (const auto& [type, bytes] : {std::pair("<f4", bytes_of<float>(points)),
                                    {"<f8", bytes_of<double>(points)},
                                    {"<i4", bytes_of<std::int32_t>(points)},
                                    {"<i8", bytes_of<std::int64_t>(points)}}) {
    CAPTURE(type);
    testing::write_text(file, npy(type, "(68, 2)", bytes));
    const auto read = read_landmarks(file);
    REQUIRE(read.size() == 68);
    const float tolerance = type[1] == 'i' ? 1.0F : 1e-4F;
    for (std::size_t i = 0; i < 68; ++i) {
      CHECK(std::abs(read[i].x - points[i].x) <= tolerance);
      CHECK(std::abs(read[i].y - points[i].y) <= tolerance);
    }
  }
  std::vector<cv::Point2f> more = points;
  more.resize(81, {1, 2});
  testing::write_text(file, npy("<f4", "(81, 2)", bytes_of<float>(more)));
  CHECK(read_landmarks(file).back() == cv::Point2f(1, 2));

  const auto refusal = [&](const std::string& content) {
    testing::write_text(file, content);
    return message_of([&] { read_landmarks(file); });
  };
  const std::string good = bytes_of<float>(points);
  CHECK(mentions(refusal("nothing"), "007.npy: no landmarks, not a NumPy array"));
  CHECK(mentions(refusal(npy("<f4", "(5, 2)", good.substr(0, 40))), "shape (5, 2)"));
  CHECK(mentions(refusal(npy("<f4", "(68, 2)", good.substr(0, 100))), "cut off"));
  CHECK(mentions(refusal(npy("|b1", "(68, 2)", good)), "type |b1"));
  std::vector<cv::Point2f> broken = points;
  broken[30].x = std::nanf("");
  CHECK(mentions(refusal(npy("<f4", "(68, 2)", bytes_of<float>(broken))), "landmark 30"));
}

TEST_CASE("shape_of: outlines and eyes of the landmarks, in the network's pixels", "[forging]") {
  const std::vector<cv::Point2f> points = round_landmarks({128, 128}, 100);
  const FaceShape shape = shape_of(points, {256, 256}, 64);
  for (const cv::Point2f& point : points) {
    CHECK(cv::pointPolygonTest(shape.face, point / 4, /*measureDist=*/true) > -1e-3);
  }
  cv::Point2f eye;
  for (std::size_t i = 36; i < 42; ++i) eye += points[i] / 24;
  CHECK(cv::norm(shape.geometry.left_eye - eye) < 1e-3);
  CHECK(cv::norm(shape.geometry.nose - points[30] / 4) < 1e-3);
  CHECK(cv::contourArea(shape.mouth) < cv::contourArea(shape.face));
  // Without landmarks: eyes above the mouth, within the face.
  for (const char* region : {"aligned", "box"}) {
    const FaceShape assumed = assumed_shape(region, 64);
    CHECK(assumed.geometry.left_eye.y < assumed.geometry.left_mouth.y);
    CHECK(cv::pointPolygonTest(assumed.face, assumed.geometry.nose, false) > 0);
  }
}

TEST_CASE("image_size: of a PNG from its head, of others by decoding", "[forging]") {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "a.jpg"}) {
    cv::imwrite((folder.path() / name).string(), cv::Mat(30, 50, CV_8UC3, cv::Scalar(9, 9, 9)));
    CHECK(image_size(folder.path() / name) == cv::Size(50, 30));
  }
  CHECK(mentions(message_of([&] { image_size(folder.path() / "b.png"); }), "b.png"));
}

TEST_CASE("pseudo videos: a fake of each kind for each real video, and no trace of them afterwards",
          "[forging]") {
  const TemporaryFolder folder;
  const testing::MiniatureFaceForensics data{folder.path()};
  data.write();
  const Index all = load_index(locate_data(folder.path()));
  Index index = select(all, {.split = "train"});
  const std::size_t before = index.videos.size();
  const std::vector<std::string> kinds{"self-blend", "warp"};
  add_pseudo_videos(index, kinds);
  REQUIRE(index.videos.size() == before + 4);  // two people
  for (std::size_t v = before; v < index.videos.size(); ++v) {
    const Video& video = index.videos[v];
    CHECK(video.is_fake);
    CHECK(video.domain == "pseudo-" + video.pseudo);
    const Video& real = index.videos.at(video.real_partner.value());
    CHECK_FALSE(real.is_fake);
    CHECK(real.name == video.name);
    CHECK(pair_frames(real, video).size() == video.frames.size());
    CHECK(identities(index, video) == identities(index, real));
  }
  CHECK(without_pseudo(index).videos.size() == before);
  const Index reals = only_real(all);
  CHECK(manipulations(reals).empty());
  CHECK(reals.videos.size() >= 4);
  // A validation split of real faces alone.
  Index apart = reals;
  split_off_validation(apart, dataset_names(reals), 0.4);
  CHECK_FALSE(select(apart, {.split = "val"}).videos.empty());
  CHECK_FALSE(select(apart, {.split = "train"}).videos.empty());
}

TEST_CASE("a test set of a kind that was made while training has a twin", "[forging]") {
  const std::vector<std::string> trained{"FF-DF", "pseudo-self-blend", "pseudo-warp"};
  CHECK(trained_twin(trained, "Synthetic-SBI_fake") == "self-blend");
  CHECK(trained_twin(trained, "Synthetic-FWA_fake").empty());
  CHECK(trained_twin(trained, "FF-DF").empty());
  CHECK(trained_twin(std::vector<std::string>{"pseudo-region-swap"}, "Synthetic-Partial_fake") ==
        "region-swap");
  CHECK(trained_twin(std::vector<std::string>{"pseudo-resample"}, "Synthetic-FWA_fake") ==
        "resample");
}

}  // namespace
}  // namespace deepfake
