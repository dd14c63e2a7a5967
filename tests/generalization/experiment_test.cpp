// SPDX-License-Identifier: MIT
// The benchmark's trials, on images that are made here.
#include <zlib.h>

#include "deepfake/sample_data.hpp"
#include "generalization/experiment.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using namespace generalization;
using deepfake::testing::mentions;
using deepfake::testing::message_of;
using deepfake::testing::TemporaryFolder;

constexpr std::size_t side = 28;

/// Files in Fashion-MNIST's format: of class c, rows 2c to 2c + 5 are bright, with noise.
void write_part(const fs::path& folder, const std::string& part, std::size_t count) {
  std::vector<unsigned char> images(16 + count * side * side);
  std::vector<unsigned char> labels(8 + count);
  std::uint32_t random = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t label = i * 7 % 10;
    labels[8 + i] = static_cast<unsigned char>(label);
    unsigned char* image = images.data() + 16 + i * side * side;
    for (std::size_t row = 2 * label; row < 2 * label + 6; ++row) {
      random = random * 1664525 + 1013904223;
      std::fill_n(image + row * side + (random >> 28), 12,
                  static_cast<unsigned char>(128 + (random >> 25)));
    }
  }
  const auto write = [](const fs::path& file, const std::vector<unsigned char>& bytes) {
    const gzFile stream = gzopen(file.c_str(), "wb1");
    REQUIRE(gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size())) ==
            static_cast<int>(bytes.size()));
    gzclose(stream);
  };
  write(folder / (part + "-images-idx3-ubyte.gz"), images);
  write(folder / (part + "-labels-idx1-ubyte.gz"), labels);
}

Variant variant(const std::string& method) {
  Variant made;
  made.method = made.name = method;
  made.training.optimizer = method;
  made.training.base = "adam";
  made.training.weight_decay = 0;
  return made;
}

TEST_CASE("trials: what a variant changes, and what it leaves alone", "[generalization]") {
  const TemporaryFolder folder;
  write_part(folder.path(), "train", 60000);
  write_part(folder.path(), "t10k", 10000);
  TrialOptions options;
  options.problem.data = folder.path();
  options.problem.family = "coloured";
  options.problem.held_out = "-90%";
  options.problem.train = 100;
  options.problem.validation = 50;
  options.problem.test = 100;
  options.steps = 6;
  options.batch = 8;
  // The training loss of the last step tells trajectories apart.
  const auto loss = [&](const Variant& of) { return run_trial(options, of)["loss"].get<double>(); };
  const Variant erm = variant("erm");
  const Variant sam = variant("sam");
  const double erm_loss = loss(erm);
  const double sam_loss = loss(sam);
  CHECK(loss(erm) == erm_loss);
  CHECK(sam_loss != erm_loss);

  // Who never ascends has nothing to ascend with.
  const auto changed = [&](auto&& change) {
    Variant of_erm = erm;
    Variant of_sam = sam;
    change(of_erm);
    change(of_sam);
    return std::pair(loss(of_erm) != erm_loss, loss(of_sam) != sam_loss);
  };
  const std::pair only_sam(false, true);
  CHECK(changed([](Variant& v) { v.ascent_layers = "fc"; }) == only_sam);
  CHECK(changed([](Variant& v) { v.ascent_share = 0.5; }) == only_sam);
  CHECK(changed([](Variant& v) { v.ascent_share = 1; }) == std::pair(false, false));
  // Without anything that keeps statistics there is nothing to protect.
  CHECK(changed([](Variant& v) { v.training.protect = false; }) == std::pair(false, false));
  CHECK(changed([](Variant& v) { v.training.model.norm = "group"; }) == std::pair(true, true));
  // A start that comes after the end leaves ERM.
  Variant late = sam;
  late.late_start = 1;
  CHECK(loss(late) == erm_loss);

  // Running statistics do not matter to the training loss; they do to what is judged afterwards.
  const auto sharpness = [&](Variant of, bool protect) {
    of.training.model.norm = "batch";
    of.training.protect = protect;
    return run_trial(options, of)["sharpness_of_domains"].get<double>();
  };
  CHECK(sharpness(erm, true) == sharpness(erm, false));
  CHECK(sharpness(sam, true) != sharpness(sam, false));

  Variant unknown = erm;
  unknown.training.model.norm = "layer";
  CHECK(mentions(message_of([&] { run_trial(options, unknown); }), "not layer"));
  options.problem.data = folder.path() / "nowhere";
  CHECK(mentions(message_of([&] { run_trial(options, erm); }), "dataset-fashion-mnist"));

  // Judged on its own kind of images, a longer training has learned what the rows say.
  options.problem.data = folder.path();
  options.problem.family = "rotated";
  options.problem.held_out = "15";
  options.steps = 60;
  const auto line = run_trial(options, sam);
  CHECK(line["validation"].get<double>() > 0.5);
  CHECK(line["test"].get<double>() > 0.5);
}

}  // namespace
