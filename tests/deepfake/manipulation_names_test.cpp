// SPDX-License-Identifier: MIT
#include "data/manipulation_names.hpp"

#include "sample_data.hpp"
#include "support/catch.hpp"

using namespace deepfake;
using namespace deepfake::testing;

namespace {

void add(Index& index, const std::string& label, const std::string& domain,
         const std::string& folder) {
  Video& video = index.videos.emplace_back();
  video = {.dataset = "mine", .label = label, .domain = domain, .split = "train", .name = "000"};
  video.is_fake = !label.ends_with("_real");
  video.frames = {"data/rgb/mine/" + folder + "/frames/000/0.png"};
}

}  // namespace

TEST_CASE("a manipulation is named by its label or folder, in any spelling", "[index]") {
  const TemporaryFolder folder;
  MiniatureFaceForensics{folder.path()}.write();
  const Index index = load_index(locate_data(folder.path()));
  for (const char* name : {"FF-DF", "ff-df", "FF_DF", "df", "Deepfakes", "DEEP-FAKES"}) {
    INFO(name);
    CHECK(manipulation_named(name, index) == "FF-DF");
  }
  CHECK(manipulation_named("face2face", index) == "FF-F2F");
  // Folders that others share, or reals lie in, name none; nor does what is not there.
  for (const char* name : {"manipulated_sequences", "youtube", "FF-real", "c23", "FaceSwap", ""}) {
    INFO(name);
    CHECK_FALSE(manipulation_named(name, index));
  }
}

TEST_CASE("a manipulation of a tree is named by its folder or domain", "[index]") {
  Index index;
  add(index, "mine_real", "mine_real", "real");
  add(index, "mine_fake-fake-a", "mine_fake-fake-a", "fake_a");
  add(index, "mine_fake-swap", "GAN", "1_Swap");
  add(index, "mine_fake-morph", "GAN", "morph");
  CHECK(manipulation_named("fake_a", index) == "mine_fake-fake-a");
  CHECK(manipulation_named("swap", index) == "GAN");
  CHECK(manipulation_named("gan", index) == "GAN");
  CHECK(manipulation_named("mine_fake_morph", index) == "GAN");
  // Two may be meant.
  add(index, "mine_fake-gan", "mine_fake-gan", "G.A.N");
  CHECK(manipulation_named("GAN", index) == "GAN");
  CHECK_FALSE(manipulation_named("gan", index));
}
