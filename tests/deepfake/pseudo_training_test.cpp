// SPDX-License-Identifier: MIT
// Training on forgeries that are made from real frames.
#include <cmath>
#include <fstream>
#include <iterator>
#include <numbers>
#include <opencv2/imgproc.hpp>

#include "data/pseudo_kinds.hpp"
#include "detection/evaluate.hpp"
#include "files/csv.hpp"
#include "images/image.hpp"
#include "report/report.hpp"
#include "runs/run_files.hpp"
#include "tiny_training.hpp"
#include "training/forger.hpp"
#include "training/run_folder.hpp"
#include "training/trainer.hpp"
#include "training/training_data.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using testing::mentions;
using testing::message_of;
using testing::stop_after;
using testing::TemporaryFolder;
using testing::tiny_data;
using testing::tiny_options;

Ranks alone;

TrainOptions pseudo_options(const std::string& method, std::vector<std::string> kinds) {
  TrainOptions options = tiny_options(method);
  options.protocol = "none";
  options.pseudo = std::move(kinds);
  return options;
}

std::string bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("pseudo: batches depend on seed, epoch and position, not on workers", "[pseudo]") {
  TrainOptions options = pseudo_options("erm", {"self-blend", "region-swap", "recompress"});
  options.steps_per_epoch = 2;
  options.workers = 0;
  TrainingData plain(options, alone);
  CHECK(plain.domains() ==
        std::vector<std::string>{"pseudo-self-blend", "pseudo-region-swap", "pseudo-recompress"});
  CHECK(plain.unpaired() == 0);
  options.workers = 3;
  options.cache_mb = 0;
  TrainingData ahead(options, alone);
  options.seed = 7;
  TrainingData other(options, alone);
  std::vector<at::Tensor> seen;
  for (std::int64_t step = 0; step < 4; ++step) {
    const auto once = plain.batches(step);
    const auto again = ahead.batches(step);
    const auto apart = other.batches(step);
    REQUIRE(once.size() == 3);
    for (std::size_t k = 0; k < once.size(); ++k) {
      CHECK(torch::equal(once[k].images, again[k].images));
      CHECK_FALSE(torch::equal(once[k].images, apart[k].images));
      CHECK(once[k].frames.size() == 4);
      for (const at::Tensor& before : seen) CHECK_FALSE(torch::equal(before, once[k].images));
      seen.push_back(once[k].images);
    }
  }
  // A step asked for anew, as by a run that goes on.
  CHECK(
      torch::equal(TrainingData(options, alone).batches(3)[1].images, other.batches(3)[1].images));
}

TEST_CASE("pseudo: beside real forgeries, each kind is one more domain", "[pseudo]") {
  TrainOptions options = tiny_options("erm");
  options.protocol = "loo:FF-NT";
  options.pseudo = {"warp"};
  const TrainingSet set = load_training_set(options);
  CHECK(set.domains == std::vector<std::string>{"FF-DF", "FF-F2F", "FF-FS", "pseudo-warp"});
  const auto of_val = manipulations(set.val.front());
  CHECK(of_val == std::vector<std::string>{"FF-DF", "FF-F2F", "FF-FS", "pseudo-warp"});
  CHECK(mentions(set.notes.back(), "forgeries made from real frames while training: warp"));
}

TEST_CASE("pseudo: validation makes the same forgeries in every run", "[pseudo]") {
  TrainOptions options = pseudo_options("erm", {"self-blend"});
  const TrainingSet set = load_training_set(options);
  const Index& val = set.val.front();
  ImageCache cache(val, 32), other(val, 32, 0);
  const Forger one(val, cache, "aligned"), two(val, other, "aligned");
  std::size_t made = 0;
  for (std::size_t v = 0; v < val.videos.size(); ++v) {
    if (!one.makes({v, 0})) continue;
    ++made;
    const Forged first = one.forge_for_validation({v, 0});
    const Forged again = two.forge_for_validation({v, 0});
    CHECK(cv::norm(first.fake, again.fake, cv::NORM_INF) == 0);
    CHECK(cv::norm(first.real, cache.get({*val.videos[v].real_partner, 0}), cv::NORM_INF) == 0);
    CHECK(cv::norm(first.real, first.fake, cv::NORM_INF) > 0);
    // In training, by the key of its seed, epoch and position.
    const auto trained = [&](const Forger& forger, std::uint64_t key) {
      return forger.forge({{*val.videos[v].real_partner, 0}, {v, 0}, key}).fake;
    };
    CHECK(cv::norm(trained(one, 7), trained(two, 7), cv::NORM_INF) == 0);
    CHECK(cv::norm(trained(one, 7), trained(one, 8), cv::NORM_INF) > 0);
  }
  CHECK(made == 4);
}

TEST_CASE("pseudo: from real faces alone, resumed bit for bit, twins known as trained on",
          "[pseudo]") {
  const TemporaryFolder folder;
  const TrainOptions options = pseudo_options("roga", {"self-blend", "region-swap"});
  const fs::path whole = folder.path() / "whole", parts = folder.path() / "parts";
  CHECK(train(options, {.run = whole}).finished);
  train(options, {.run = parts, .stop = stop_after(2)});
  CHECK(train(options_of_run(parts), {.run = parts, .resume = true}).finished);
  CHECK(bytes(whole / "checkpoints/best.pt") == bytes(parts / "checkpoints/best.pt"));
  CHECK(bytes(whole / "eval.csv") == bytes(parts / "eval.csv"));

  const RunConfig config = read_run(whole).config;
  CHECK(config.train_domains ==
        std::vector<std::string>{"pseudo-self-blend", "pseudo-region-swap"});
  const CsvTable trained = read_csv(whole / "trained_on.csv");
  CHECK(trained.rows.size() == 4);  // real people, nothing else
  for (std::size_t row = 0; row < trained.rows.size(); ++row) {
    CHECK(trained.rows[row][trained.column("fake")] == "0");
  }
  for (const EvalRow& row : read_run(whole).evals) {
    if (row.domain != all_domains) CHECK(row.domain.starts_with("pseudo-"));
  }

  EvaluateOptions test;
  test.run = whole;
  std::map<std::string, EvalRow> rows;
  for (const EvalRow& row : evaluate(test).rows) rows[row.domain] = row;
  CHECK(rows.at("Synthetic-SBI_fake").trained == "yes");
  CHECK(mentions(rows.at("Synthetic-SBI_fake").overlap,
                 "training made forgeries of this kind, self-blend"));
  CHECK(rows.at("Synthetic-Partial_fake").trained == "yes");
  CHECK(rows.at("Synthetic-FWA_fake").trained == "no");
  CHECK(rows.at("FF-DF").trained == "no");

  const cv::Mat picture = read_image(whole / "pseudo/self-blend_0.png");
  CHECK(picture.size() == cv::Size(3 * 32, 32));
  CHECK(fs::exists(whole / "pseudo/region-swap_3.png"));
  const std::vector<Run> runs{read_run(whole)};
  const std::string html = report_html(runs);
  CHECK(mentions(html, "Forgeries made while training"));
  CHECK(mentions(html, "region-swap: real, forged, mask"));
  TrainOptions anew = options;
  anew.pseudo = {"warp"};
  train(anew, {.run = whole, .force = true});
  CHECK_FALSE(fs::exists(whole / "pseudo/region-swap_3.png"));
}

TEST_CASE("pseudo: the forgery lies where the frame's landmarks have the face", "[pseudo]") {
  const TemporaryFolder folder;
  fs::copy(tiny_data(), folder.path() / "data", fs::copy_options::recursive);
  TrainOptions options = pseudo_options("erm", {"recolour"});
  options.data = (folder.path() / "data").string();
  TrainingSet set = load_training_set(options);
  ImageCache cache(set.train, 32);
  const Forger without(set.train, cache, "aligned");
  CHECK(without.videos_with_landmarks() == 0);
  std::size_t fake = 0;
  while (!without.makes({fake, 0}) || *set.train.videos[fake].real_partner != 0) ++fake;
  const auto middle_of_mask = [&](const Forger& forger) {
    cv::Point2d sum;
    for (std::uint64_t key = 0; key < 10; ++key) {
      const cv::Moments m = cv::moments(forger.forge({{0, 0}, {fake, 0}, key}).mask);
      sum += cv::Point2d(m.m10, m.m01) / m.m00 / 10;
    }
    return sum;
  };
  // Before there are landmarks: each frame's are read once.
  CHECK(cv::norm(middle_of_mask(without) - cv::Point2d(8, 8)) > 6);

  // A small face in a corner of the 32-pixel frames.
  const Video& real = set.train.videos.front();
  const fs::path frame = real.frames.front();
  const fs::path landmarks =
      frame.parent_path().parent_path().parent_path() / "landmarks" / real.name;
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (68, 2), }";
  header.append(117 - header.size(), ' ');
  std::string content = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + '\n';
  for (int i = 0; i < 68; ++i) {
    const float turn = 2.0F * std::numbers::pi_v<float> * static_cast<float>(i) / 17.0F;
    for (const float value : {8.0F + 5.0F * std::cos(turn), 8.0F + 5.0F * std::sin(turn)}) {
      content.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
  }
  for (const fs::path& one : real.frames) {
    testing::write_text(landmarks / one.filename().replace_extension(".npy"), content);
  }
  const Forger with(set.train, cache, "aligned");
  CHECK(with.videos_with_landmarks() == 1);
  CHECK(cv::norm(middle_of_mask(with) - cv::Point2d(8, 8)) < 2);

  testing::write_text(landmarks / frame.filename().replace_extension(".npy"), "nothing");
  const Forger broken(set.train, cache, "aligned");
  CHECK(mentions(message_of([&] { broken.forge({{0, 0}, {fake, 0}, 1}); }), "not a NumPy array"));
}

TEST_CASE("pseudo: what cannot be made is refused in a line", "[pseudo]") {
  const auto refusal = [](const TrainOptions& options) {
    return message_of([&] {
      validate(options);
      TrainingData data(options, alone);
    });
  };
  CHECK(mentions(refusal(pseudo_options("erm", {})), "--pseudo self-blend"));
  CHECK(mentions(refusal(pseudo_options("erm", {"selfblend"})), "did you mean 'self-blend'?"));
  CHECK(mentions(refusal(pseudo_options("erm", {"warp", "warp"})), "kinds that differ"));
  TrainOptions options = pseudo_options("erm", {"warp"});
  options.pseudo_region = "middle";
  CHECK(mentions(refusal(options), "pseudo-region"));
  options = pseudo_options("erm", {"warp"});
  options.cache_frozen = true;
  CHECK(mentions(refusal(options), "--no-augment"));

  // One person alone.
  Index index = load_training_set(pseudo_options("erm", {"region-swap"})).train;
  const std::string name = index.videos.front().name;
  std::erase_if(index.videos, [&](const Video& video) { return video.name != name; });
  index.videos.back().real_partner = 0;
  ImageCache cache(index, 32);
  CHECK(mentions(message_of([&] { Forger(index, cache, "aligned"); }), "of two people"));
}

}  // namespace
}  // namespace deepfake
