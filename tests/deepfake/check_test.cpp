// SPDX-License-Identifier: MIT
#include "data/check.hpp"

#include <string_view>

#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;
namespace fs = std::filesystem;

namespace {

const GroupCount& group_of(const DataCheck& check, std::string_view dataset, std::string_view label,
                           std::string_view split) {
  for (const GroupCount& group : check.groups) {
    if (group.dataset == dataset && group.label == label && group.split == split) return group;
  }
  throw std::runtime_error("no such group");
}

}  // namespace

TEST_CASE("sound data is counted", "[check]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  const Index index = load_index(locate_data(folder.path()));
  const DataCheck check = check_data(index);
  CHECK(check.ok());
  CHECK(check.groups.size() == 8);  // two data sets, real and fake, train and test
  const GroupCount& fakes = group_of(check, "FF-DF", "FF-DF", "train");
  CHECK(fakes.is_fake);
  CHECK(fakes.compression == "c23");
  CHECK(fakes.videos == 2);
  CHECK(fakes.frames == 6);
  CHECK(fakes.min_frames == 3);
  CHECK(fakes.median_frames == 3);
  CHECK(fakes.max_frames == 3);
  CHECK(fakes.without_real == 0);
  CHECK(check.videos_by_frames == std::vector<std::size_t>{0, 0, 0, 16});

  std::string text = to_text(check);
  CHECK(mentions(text, "16 videos, 48 frames, fingerprint " + check.fingerprint));
  CHECK_FALSE(mentions(text, "Synthetic"));

  // It has no val.
  CHECK(
      mentions(text, "warning, empty splits: 2\n  FF-DF, val: train on it with --val-from-train"));
  CHECK(mentions(text, "no faults, but see the warning"));
  CHECK_FALSE(mentions(text, "sound"));
  Index whole = index;
  for (Video& video : whole.videos) {
    if (video.split == "train" && (video.name == "003" || video.name == "003_000")) {
      video.split = "val";
      video.name = video.is_fake ? "004_005" : "004";
    }
    if (video.split == "train" && video.is_fake) video.name = "000_001";
  }
  CHECK(mentions(to_text(check_data(whole)), "The data is sound."));
  // Unless images were looked at, there may be equal ones.
  text = to_text(check_data(whole, {.read_images = false}));
  CHECK(mentions(text, "The images were not opened: check-data"));
  CHECK_FALSE(mentions(text, "sound"));
  // Without test videos nothing can be tested; without those to train on no val is missing.
  Index part = whole;
  std::erase_if(part.videos, [](const Video& video) { return video.split == "test"; });
  CHECK(check_data(part).empty_splits.size() == 2);
  CHECK(mentions(to_text(check_data(part)), "FF-F2F, test: nothing tells"));
  part = whole;
  std::erase_if(part.videos, [](const Video& video) { return video.split != "test"; });
  CHECK(mentions(to_text(check_data(part)), "The data is sound."));
}

TEST_CASE("missing, broken and leaking data is found and named", "[check]") {
  const TemporaryFolder folder;
  const MiniatureFaceForensics data{folder.path()};
  data.write();
  const fs::path rgb = folder.path() / "rgb";
  const auto frame = [&](const std::string& video, int n) {
    return rgb / data.frame_path("manipulated_sequences/Deepfakes", video, n);
  };
  Index index = load_index(locate_data(folder.path()));
  fs::remove(frame("000_003", 0));
  fs::remove(frame("010_011", 2));
  write_text(frame("003_000", 1), "no picture");
  index.videos.push_back(index.videos[0]);
  index.videos.back().name = "003_010";
  index.videos.back().frames.resize(1);
  index.faults.without_frames = {{.dataset = "FF-DF",
                                  .label = "FF-DF",
                                  .split = "test",
                                  .compression = "c23",
                                  .name = "020_021"}};
  index.synthetic = true;

  const DataCheck check = check_data(index, {.threads = 3});
  CHECK_FALSE(check.ok());
  CHECK(check.missing ==
        std::vector<std::string>{frame("000_003", 0).string(), frame("010_011", 2).string()});
  CHECK(check.unreadable == std::vector<std::string>{frame("003_000", 1).string()});
  CHECK(check.leaks.size() >= 1);
  CHECK(check.videos_by_frames == std::vector<std::size_t>{0, 1, 0, 16});

  const std::string text = to_text(check, 1);
  CHECK(text.starts_with(
      "Synthetic forgeries: numbers on this data say nothing about real deepfakes."));
  CHECK(mentions(text, "missing files: 2\n  " + frame("000_003", 0).string() + "\n  and 1 more"));
  CHECK(mentions(text, "unreadable files: 1\n  " + frame("003_000", 1).string()));
  CHECK(mentions(text, "identities in more than one split"));
  CHECK(mentions(text, "videos without a frame: 1\n  FF-DF > FF-DF > test > c23 > 020_021"));
  CHECK(mentions(text, "The data has the problems named above."));

  // Without decoding only absence shows.
  const DataCheck quick = check_data(index, {.read_images = false});
  CHECK(quick.missing.size() == 2);
  CHECK(quick.unreadable.empty());
}

TEST_CASE("frame counts are summed up by median and extremes", "[check]") {
  Index index;
  for (const std::size_t frames : {4, 1, 2, 9}) {
    Video& video = index.videos.emplace_back();
    video = {.dataset = "X",
             .label = "X_fake",
             .split = "test",
             .name = "v" + std::to_string(frames),
             .is_fake = true};
    video.frames.assign(frames, "absent.png");
  }
  const DataCheck check = check_data(index, {.read_images = false});
  const GroupCount& group = check.groups.at(0);
  CHECK(group.min_frames == 1);
  CHECK(group.median_frames == 3);
  CHECK(group.max_frames == 9);
  CHECK(group.without_real == 4);
  CHECK(check.missing.size() == 1);  // one file, listed often
  CHECK(check.one_class == std::vector<std::string>{"X, split test: only fakes"});
  CHECK_FALSE(check_data(Index{}).ok());
}
