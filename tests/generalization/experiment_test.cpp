// SPDX-License-Identifier: MIT
// The benchmark's trials, on images that are made here.
#include <zlib.h>

#include <cmath>
#include <fstream>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <optional>
#include <set>

#include "deepfake/sample_data.hpp"
#include "generalization/emoji.hpp"
#include "generalization/experiment.hpp"
#include "generalization/results.hpp"
#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;
using namespace generalization;
using deepfake::testing::mentions;
using deepfake::testing::message_of;
using deepfake::testing::TemporaryFolder;
using deepfake::testing::write_text;

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
  CHECK(changed([](Variant& v) { v.more_steps = 2; }) == std::pair(true, true));
  // The mean over the closures is the same however images are dealt out; ascents see the groups.
  const auto grouped = [&](const char* method, bool random) {
    Variant v = variant(method);
    if (v.method != "erm") deepfake::set_from_json(v, {{"rho", 0.5}}, "a test");
    v.random_groups = random;
    return loss(v);
  };
  CHECK(grouped("erm", true) == Approx(erm_loss).epsilon(1e-6));
  CHECK(std::abs(grouped("roga", true) - grouped("roga", false)) > 2e-5 * erm_loss);
  // RoGA's compositions: a budget that never binds leaves roga's steps to the last bit.
  const auto composed = [&](const char* method, auto&& change) {
    Variant v = variant(method);
    v.training.protect = false;
    change(v);
    return loss(v);
  };
  const double roga_loss = composed("roga", [](Variant&) {});
  CHECK(composed("roga", [](Variant& v) { v.loss_budget = 1e9; }) == roga_loss);
  CHECK(composed("roga", [](Variant& v) { v.loss_budget = 1e-3; }) != roga_loss);
  // With two domains UPGrad and PCGrad are the same; neither is CAGrad, nor the mean.
  const auto by_rule = [&](const char* rule) {
    return composed("roga", [&](Variant& v) { v.captured_rule = rule; });
  };
  const double mean_loss = composed("roga", [](Variant& v) {
    deepfake::set_from_json(v, {{"w-erm", 0}, {"w-gen", 1}}, "a test");
  });
  CHECK(by_rule("upgrad") == Approx(by_rule("pcgrad")).epsilon(1e-5));
  CHECK(by_rule("cagrad") != Approx(by_rule("upgrad")).epsilon(1e-5));
  CHECK(by_rule("cagrad") != Approx(mean_loss).epsilon(1e-5));
  CHECK(by_rule("upgrad") != Approx(roga_loss).epsilon(1e-7));
  CHECK(
      mentions(message_of([&] { composed("roga", [](Variant& v) { v.captured_rule = "mgda"; }); }),
               "not mgda"));
  CHECK(mentions(message_of([&] { composed("sam", [](Variant& v) { v.loss_budget = 1; }); }),
                 "not sam"));
  // A start that comes after the end leaves ERM.
  Variant late = sam;
  late.late_start = 1;
  CHECK(loss(late) == erm_loss);

  // Running statistics do not matter to the training loss; they do to what is judged afterwards.
  const auto sharpness = [&](Variant of, bool protect) {
    of.training.model.norm = "batch";
    of.training.protect = protect;
    return run_trial(options, of)["raw"]["sharpness_of_domains"].get<double>();
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
  CHECK(line["raw"]["validation"].get<double>() > 0.5);
  CHECK(line["raw"]["tests"]["15"].get<double>() > 0.5);
  CHECK_FALSE(line.contains("averaged"));

  // A second domain out: both are judged, and averaged weights beside the last ones.
  options.problem.also_left_out = "30";
  Variant averaged = sam;
  averaged.training.ema = 0.9;
  const auto pair = run_trial(options, averaged);
  for (const char* kind : {"raw", "averaged"}) {
    CHECK(pair[kind]["tests"].size() == 2);
    CHECK(pair[kind]["tests"]["30"].get<double>() > 0.5);
  }
  CHECK(pair["averaged"]["tests"] != pair["raw"]["tests"]);
  CHECK(run_trial(options, sam)["raw"] == pair["raw"]);  // an average changes no training
  options.problem.also_left_out = "15";
  CHECK(mentions(message_of([&] { run_trial(options, sam); }), "left out twice"));

  // SWAD's window of weights in the place of ema's average, once the loss has stopped falling;
  // before that the last weights.
  options.problem.also_left_out = "";
  Variant swad = averaged;
  swad.swad = true;
  swad.training.schedule.lr = 0.03;
  options.steps = 160;
  Variant ema = swad;
  ema.swad = false;
  const auto dense = run_trial(options, swad);
  REQUIRE(dense.contains("averaged"));
  CHECK(dense["averaged"]["sharpness_of_domains"] !=
        run_trial(options, ema)["averaged"]["sharpness_of_domains"]);
  options.steps = 40;
  const auto too_short = run_trial(options, swad);
  CHECK(too_short["averaged"] == too_short["raw"]);
}

/// Of each style, pictures of one colour for each of two categories.
void write_emoji(const fs::path& folder, int concepts) {
  std::string list = "code,category\n";
  for (const std::string& style : emoji_styles()) fs::create_directories(folder / style);
  for (int i = 0; i < concepts; ++i) {
    const std::string code = std::to_string(100 + i);
    list += code + (i % 2 == 0 ? ",Food\n" : ",Travel & Places\n");
    for (const std::string& style : emoji_styles()) {
      const cv::Scalar colour =
          i % 2 == 0 ? cv::Scalar(0, 0, 255, 255) : cv::Scalar(255, 0, 0, 255);
      cv::Mat image(64, 64, CV_8UC4, cv::Scalar(0, 0, 0, 0));  // transparent
      image(cv::Rect(16, 16, 32, 32)).setTo(colour);
      cv::imwrite((folder / style / (code + (style == "fluent" ? ".webp" : ".png"))).string(),
                  image);
    }
  }
  std::ofstream(folder / "concepts.csv") << list;
}

/// A forged frame has a bright patch of this grey.
using Fakes = std::map<std::string, int>;

/// Grey faces, of two people for each split.
void write_faces(const fs::path& folder, const std::string& dataset,
                 const std::vector<std::string>& splits, const std::string& real,
                 const Fakes& fakes) {
  nlohmann::json index;
  int number = 0;
  const auto write = [&](const std::string& label, const std::string& split,
                         const std::string& name, int grey, std::optional<int> patch) {
    nlohmann::json frames;
    for (int frame = 0; frame < 4; ++frame) {
      const fs::path relative =
          fs::path(dataset) / label / "frames" / name / ("00" + std::to_string(frame) + ".png");
      fs::create_directories((folder / "rgb" / relative).parent_path());
      cv::Mat image(64, 64, CV_8UC3, cv::Scalar::all(grey + 5 * frame));
      if (patch) image(cv::Rect(16 + 4 * frame, 20, 16, 16)).setTo(cv::Scalar::all(*patch));
      cv::imwrite((folder / "rgb" / relative).string(), image);
      frames.push_back(relative.string());
    }
    index[dataset][label][split]["c23"][name] = {{"label", label}, {"frames", frames}};
  };
  for (const std::string& split : splits) {
    for (int person = 0; person < 2; ++person, ++number) {
      const std::string name = "00" + std::to_string(number);
      const int grey = 60 + 12 * number;  // tells whose it is
      write(real, split, name, grey, {});
      for (const auto& [label, patch] : fakes) {
        write(label, split, name + "_00" + std::to_string(number ^ 1), grey, patch);
      }
    }
  }
  write_text(folder / "dataset_json" / (dataset + ".json"), index.dump());
}

TEST_CASE("faces: four manipulations to train on, or three", "[generalization]") {
  const TemporaryFolder folder;
  const Fakes fakes{{"FF-DF", 200}, {"FF-F2F", 210}, {"FF-FS", 220}, {"FF-NT", 230}};
  write_faces(folder.path(), "FaceForensics++", {"train", "val", "test"}, "FF-real", fakes);
  for (const std::string set : {"SBI", "FWA", "Partial", "Shift"}) {
    const std::string name = "Synthetic-" + set;
    write_faces(folder.path(), name, {"test"}, name + "_real", {{name + "_fake", 240}});
  }
  ProblemOptions options;
  options.faces = folder.path();
  options.family = "faces";
  options.held_out = "unseen";
  const auto names = [](const std::vector<Domain>& domains) {
    std::vector<std::string> result;
    for (const Domain& domain : domains) result.push_back(domain.name);
    return result;
  };
  const auto brightest = [](const Domain& domain) {
    return static_cast<int>(std::lround(127.5 * (domain.images.max().item<double>() + 1)));
  };
  const Problem unseen = make_problem(options);
  CHECK(names(unseen.train) == std::vector<std::string>{"FF-DF", "FF-F2F", "FF-FS", "FF-NT"});
  CHECK(names(unseen.tests) == std::vector<std::string>{"Synthetic-SBI", "Synthetic-FWA",
                                                        "Synthetic-Partial", "Synthetic-Shift"});
  CHECK(brightest(unseen.train[2]) == 220);
  CHECK(brightest(unseen.tests[0]) == 240);
  CHECK(unseen.train[2].labels.sum().item<float>() == 8);
  CHECK(unseen.train[2].pictures.size() == 16);
  CHECK(unseen.validation[2].pictures.empty());

  options.family = "manipulations";
  options.held_out = "FF-FS";
  const Problem three = make_problem(options);
  CHECK(names(three.train) == std::vector<std::string>{"FF-DF", "FF-F2F", "FF-NT"});
  CHECK(names(three.tests) == std::vector<std::string>{"FF-FS"});
  options.also_left_out = "FF-DF";
  const Problem two = make_problem(options);
  CHECK(names(two.train) == std::vector<std::string>{"FF-F2F", "FF-NT"});
  CHECK(names(two.tests) == std::vector<std::string>{"FF-DF", "FF-FS"});
  // The search sees no test people: it judges on those of validation.
  const auto darkest = [](const Domain& domain) {
    return static_cast<int>(std::lround(127.5 * (domain.images.min().item<double>() + 1)));
  };
  CHECK(darkest(three.tests[0]) == 60 + 12 * 4);
  CHECK(darkest(two.tests[1]) == 60 + 12 * 2);

  TrialOptions trial;
  trial.problem = options;
  trial.problem.also_left_out = "";
  trial.steps = 40;
  trial.batch = 4;
  Variant erm = variant("erm");
  erm.training.model.width = 8;
  erm.training.model.norm = "batch";
  erm.training.schedule.schedule = "cosine";
  const auto line = run_trial(trial, erm);
  CHECK(line["raw"]["tests"]["FF-FS"].get<double>() > 0.9);
  // The same bits again, and others if pictures are left as they are.
  CHECK(run_trial(trial, erm)["loss"] == line["loss"]);
  erm.training.augment.augment = false;
  const auto unchanged = run_trial(trial, erm);
  CHECK(unchanged["loss"] != line["loss"]);
  erm.training.schedule.schedule = "constant";
  CHECK(run_trial(trial, erm)["loss"] != unchanged["loss"]);
}

TEST_CASE("quality: two to train on, each corruption to test", "[generalization]") {
  const TemporaryFolder folder;
  write_faces(folder.path(), "FaceForensics++", {"train", "val", "test"}, "FF-real",
              {{"FF-DF", 220}});
  TrialOptions options;
  options.problem.family = "quality";
  options.problem.held_out = "quality";
  options.problem.faces = folder.path();
  const Problem problem = make_problem(options.problem);
  REQUIRE(problem.train.size() == 2);
  CHECK(problem.train[0].images.sizes() == at::IntArrayRef{16, 3, 64, 64});
  CHECK(problem.train[0].labels.sum().item<float>() == 8);
  CHECK(problem.train[0].images.ne(problem.train[1].images).any().item<bool>());
  REQUIRE(problem.tests.size() == 16);  // unspoiled, and 15 levels
  CHECK(problem.tests[0].name == "none");
  CHECK(problem.tests[5].name == "blur 0.5");
  // A pair is a frame of one person and its forgery, unspoiled alike but for the patch.
  const at::Tensor& images = problem.tests[0].images;
  for (std::int64_t i = 0; i < 8; ++i) {
    CHECK(images[i].ne(images[i + 8]).any(0).sum().item<std::int64_t>() == 16 * 16);
  }

  options.steps = 30;
  options.batch = 8;
  Variant erm = variant("erm");
  erm.training.model.width = 8;
  erm.training.model.norm = "batch";
  const auto line = run_trial(options, erm);
  const auto& tests = line["raw"]["tests"];
  CHECK(tests.size() == 17);
  CHECK(tests["none"].get<double>() > 0.9);
  // The mean leaves out what training shows.
  const std::set<std::string> shown{"none", "jpeg 90", "jpeg 70", "blur 0.5", "quality"};
  double sum = 0;
  for (const auto& [name, value] : tests.items()) {
    if (!shown.contains(name)) sum += value.get<double>();
  }
  CHECK(tests["quality"].get<double>() == Approx(sum / 12));

  write_text(folder.path() / "r.jsonl", line.dump() + '\n');
  const std::string all = curves(read_trials(folder.path() / "r.jsonl"));
  CHECK(std::ranges::count(all, '\n') == 17);
  CHECK(mentions(all, R"("method":"erm","test":"blur 2","mean":)"));
  options.problem.faces = folder.path() / "no";
  CHECK(mentions(message_of([&] { make_problem(options.problem); }), "make-data"));
}

TEST_CASE("styles: pictures on white, concepts in one split each", "[generalization]") {
  const TemporaryFolder folder;
  write_emoji(folder.path(), 40);
  const Emoji emoji = read_emoji(folder.path(), 32);
  CHECK(emoji.categories == 2);
  const at::Tensor red = emoji.of_style.at("google")[0];
  CHECK(red.index({at::indexing::Slice(), 0, 0}).eq(1).all().item<bool>());  // the margin is white
  CHECK(red.index({0, 16, 16}).item<float>() == 1);                          // RGB
  CHECK(red.index({2, 16, 16}).item<float>() == -1);

  const Concepts concepts = split_concepts(40, 3);
  CHECK(concepts.train.numel() == 20);
  CHECK(concepts.validation.numel() == 6);
  CHECK(concepts.test.numel() == 14);
  const auto all =
      std::get<0>(at::cat({concepts.train, concepts.validation, concepts.test}).sort());
  CHECK(all.equal(at::arange(40)));

  TrialOptions options;
  options.problem.family = "styles";
  options.problem.emoji = folder.path();
  options.problem.held_out = "twitter";
  options.steps = 40;
  options.batch = 8;
  const auto line = run_trial(options, variant("roga"));
  CHECK(line["raw"]["tests"]["twitter"].get<double>() > 0.9);
  options.problem.held_out = "noto";
  CHECK(mentions(message_of([&] { run_trial(options, variant("erm")); }), "no domain noto"));
  CHECK(mentions(message_of([&] { read_emoji(folder.path() / "no", 32); }), "fetch_emoji.sh"));
}

}  // namespace
