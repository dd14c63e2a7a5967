// SPDX-License-Identifier: MIT
// Training, checkpoints and evaluation on a tiny rendered set.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <roga/recipes/all.hpp>

#include "data/fingerprint.hpp"
#include "detection/evaluate.hpp"
#include "files/csv.hpp"
#include "runs/run_files.hpp"
#include "sample_data.hpp"
#include "support/test.hpp"
#include "tiny_training.hpp"
#include "training/batch.hpp"
#include "training/methods.hpp"
#include "training/run_checkpoint.hpp"
#include "training/run_folder.hpp"
#include "training/trainer.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using testing::check_equal;
using testing::mentions;
using testing::message_of;
using testing::stop_after;
using testing::TemporaryFolder;
using testing::tensors;
using testing::tiny_data;
using testing::tiny_options;

std::string bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Equal weights now, and after one more step: equal optimizer states too. (The files themselves
/// differ, because LibTorch writes optimizer states in the order of addresses.)
void check_same_checkpoint(const TrainOptions& options, const fs::path& a, const fs::path& b) {
  std::vector<std::vector<at::Tensor>> before, after;
  for (const fs::path& file : {a, b}) {
    const auto detector = make_detector(options.model);
    const auto optimizer = make_optimizer(options, *detector);
    load_run_checkpoint(file, *detector, &optimizer->optimizer());
    auto& kept = before.emplace_back();
    for (const auto& tensor : tensors(*detector)) kept.push_back(tensor.detach().clone());
    optimizer->step({[&] {
      auto loss = detector->forward(torch::linspace(-1, 1, 2 * 3 * 32 * 32).view({2, 3, 32, 32}))
                      .square()
                      .mean();
      loss.backward();
      return loss;
    }});
    after.push_back(tensors(*detector));
  }
  check_equal(before[0], before[1]);
  check_equal(after[0], after[1]);
}

/// history.csv without the columns that tell of time.
std::vector<std::vector<double>> losses(const fs::path& run) {
  std::vector<std::vector<double>> rows;
  for (const HistoryRow& row : read_history(run)) {
    rows.push_back({static_cast<double>(row.step), row.lr, row.loss, row.grad_norm});
    for (const auto& [name, value] : row.extra) rows.back().push_back(value);
  }
  return rows;
}

TEST_CASE("train: a run that was stopped and resumed ends with the same bits", "[train]") {
  const auto [method, base] = GENERATE(table<std::string, std::string>(
      {{"erm", "sgd"}, {"sam", "adamw"}, {"gac_fas", "adam"}, {"roga", "adamw"}}));
  CAPTURE(method, base);
  const TemporaryFolder folder;
  TrainOptions options = tiny_options(method);
  options.base = base;
  const fs::path whole = folder.path() / "whole";
  const TrainResult result = train(options, {.run = whole});
  CHECK(result.finished);
  CHECK(result.steps == 6);
  CHECK(result.skipped == 0);

  const fs::path parts = folder.path() / "parts";
  const TrainResult first = train(options, {.run = parts, .stop = stop_after(2)});
  CHECK_FALSE(first.finished);
  CHECK(first.steps == 2);
  CHECK_FALSE(is_finished(parts));
  CHECK(train(options, {.run = parts, .resume = true, .stop = stop_after(3)}).steps == 5);
  CHECK(train(options_of_run(parts), {.run = parts, .resume = true}).finished);
  CHECK(is_finished(parts));
  check_same_checkpoint(options, parts / "checkpoints/last.pt", whole / "checkpoints/last.pt");
  CHECK(bytes(parts / "checkpoints/best.pt") == bytes(whole / "checkpoints/best.pt"));
  CHECK(bytes(parts / "eval.csv") == bytes(whole / "eval.csv"));
  CHECK(losses(parts) == losses(whole));
  CHECK(losses(whole).size() == 3);
}

TEST_CASE("train: work after the last checkpoint is done again", "[train]") {
  const TemporaryFolder folder;
  const TrainOptions options = tiny_options("roga");
  const fs::path whole = folder.path() / "whole";
  train(options, {.run = whole});
  // What a kill in the second epoch leaves: files that are ahead of the checkpoint.
  const fs::path killed = folder.path() / "killed";
  train(options, {.run = killed, .stop = stop_after(2)});
  const std::string checkpoint = bytes(killed / "checkpoints/last.pt");
  train(options, {.run = killed, .resume = true, .stop = stop_after(3)});
  std::ofstream(killed / "checkpoints/last.pt", std::ios::binary) << checkpoint;
  std::ofstream(killed / "history.csv", std::ios::app) << "6,2,0.0";  // cut off
  CHECK(train(options, {.run = killed, .resume = true}).finished);
  check_same_checkpoint(options, killed / "checkpoints/last.pt", whole / "checkpoints/last.pt");
  CHECK(bytes(killed / "eval.csv") == bytes(whole / "eval.csv"));
  CHECK(losses(killed) == losses(whole));
}

TEST_CASE("train: an existing run is neither overwritten nor mixed with another", "[train]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  TrainOptions options = tiny_options("erm");
  train(options, {.run = run, .stop = stop_after(1)});
  CHECK(mentions(message_of([&] { train(options, {.run = run}); }), "--resume"));
  TrainOptions other = options;
  other.schedule.lr = 1;
  CHECK(mentions(message_of([&] { train(other, {.run = run, .resume = true}); }), "option lr"));
  CHECK_NOTHROW(require_same_run(options, run));
  CHECK_NOTHROW(require_same_run(other, folder.path() / "none"));
  other = options;
  other.seed = 1;
  CHECK(mentions(message_of([&] { require_same_run(other, run); }), "has option seed 0, not 1"));
  other = options;
  other.protocol = "loo:FF-NT";
  CHECK(mentions(message_of([&] { require_same_run(other, run); }), "option protocol"));
  other = options;
  other.schedule.lr = 1;
  CHECK(train(other, {.run = run, .force = true}).finished);
  CHECK(options_of_run(run).schedule.lr == 1);
}

TEST_CASE("train: an option that a run did not know yet had its default", "[train]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  TrainOptions options = tiny_options("gam");
  train(options, {.run = run, .stop = stop_after(1)});
  const auto detector = make_detector(options.model);
  const auto optimizer = make_optimizer(options, *detector);
  const fs::path checkpoint = run / "checkpoints/last.pt";
  auto state = load_run_checkpoint(checkpoint, *detector, &optimizer->optimizer());
  for (const char* name : {"rho-grad", "a", "rescale"}) state["options"].erase(name);
  save_run_checkpoint(checkpoint, *detector, &optimizer->optimizer(), nullptr, state);
  CHECK_NOTHROW(require_same_run(options, run));
  options.method.number("rho-grad") = 0.5;
  CHECK(mentions(message_of([&] { require_same_run(options, run); }),
                 "has option rho-grad 0.02, not 0.5"));
}

TEST_CASE("train: config.json records options in effect and the data", "[train]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "some-run";
  TrainOptions options = tiny_options("roga");
  options.method.number("rho") = 0.25;
  options.protocol = "loo:FF-NT";
  train(options, {.run = run, .stop = stop_after(1)});
  const RunConfig config = read_run(run).config;
  CHECK(config.name == "some-run");
  CHECK(config.method == "roga");
  CHECK(config.synthetic);
  CHECK(config.train_datasets == std::vector<std::string>{"FaceForensics++"});
  CHECK(config.train_domains == std::vector<std::string>{"FF-DF", "FF-F2F", "FF-FS"});
  CHECK(config.all["options"]["rho"] == 0.25);
  CHECK(config.all["options"]["alpha"].is_number());  // the method's own default
  CHECK(config.all["options"]["eta"].is_null());
  CHECK_FALSE(config.all["data_fingerprint"].get<std::string>().empty());
  CHECK(config.all["versions"]["libtorch"] == TORCH_VERSION);
}

TEST_CASE("make_optimizer: options that a method lacks are refused", "[methods]") {
  MethodOptions given;
  given.number("alpha") = 0.1;
  CHECK(mentions(message_of([&] { effective_options("sam", given); }),
                 "method sam has no option alpha"));
  CHECK(effective_options("sagm", given).number("alpha") == 0.1);
  CHECK(effective_options("sagm", given).number("rho") == 0.05);
  given = {};
  given.number("k") = 3;
  CHECK(effective_options("looksam", given).number("k") == 3);
  CHECK(mentions(message_of([&] { effective_options("roga", given); }), "no option k"));
  CHECK(mentions(message_of([] { effective_options("rgoa", {}); }), "did you mean 'roga'?"));
  TrainOptions options = tiny_options("looksam");
  options.method.number("k") = 2.7;
  const auto detector = make_detector(options.model);
  CHECK(mentions(message_of([&] { make_optimizer(options, *detector); }),
                 "option k must be a whole number, got 2.7"));
}

TEST_CASE("make_optimizer: every option of every recipe can be set", "[methods]") {
  roga::recipes::for_each([](auto method) {
    using Options = typename decltype(method)::Options;
    const std::string name(method.traits.name);
    Options defaults;
    const MethodOptions effective = effective_options(name, {});
    std::size_t given = 0;
    for (const MethodOption& option : effective.all()) given += is_given(option.value) ? 1 : 0;
    Options::fields(defaults, [&](std::string option, auto value, auto...) {
      --given;
      std::ranges::replace(option, '_', '-');
      INFO(name << " " << option);
      using Held = MethodOption::Held<decltype(value)>;
      CHECK(std::get<Held>(effective[option]) == Held(value));
      MethodOptions other;
      other[option] = Held(value == 0 ? 1 : 0);
      CHECK(effective_options(name, other)[option] == other[option]);
    });
    CHECK(given == 0);
  });
}

TEST_CASE("make_optimizer: what is given reaches the recipe", "[methods]") {
  const auto direction = [](const char* method, const auto& set) {
    TrainOptions options = tiny_options(method);
    options.base = "sgd";
    set(options.method);
    torch::manual_seed(1);
    const auto detector = make_detector(options.model);
    const auto optimizer = make_optimizer(options, *detector);
    std::vector<roga::LossClosure> domains;
    for (int k = 0; k < 3; ++k) {
      domains.emplace_back([&detector, images = torch::randn({4, 3, 32, 32}), k] {
        auto loss =
            detection_loss(detector->forward(images), torch::full({4}, k % 2, torch::kFloat));
        loss.backward();
        return loss;
      });
    }
    return optimizer->step(domains).direction_norm;
  };
  const auto nothing = [](MethodOptions&) {};
  const double gam = direction("gam", nothing);
  CHECK(direction("gam", [](auto& method) { method.number("rho-grad") = 0.3; }) != gam);
  CHECK(direction("gam", [](auto& method) { method.number("a") = 0.9; }) != gam);
  CHECK(direction("gam", [](auto& method) { method.number("b") = 0.9; }) != gam);
  const double cagrad = direction("cagrad", nothing);
  const auto rescale = [](auto& method) { method["rescale"] = std::optional(true); };
  CHECK(direction("cagrad", rescale) == Approx(cagrad / 1.25));
  const auto seeded = [](auto& method) { method["order-seed"] = std::optional<std::uint64_t>(9); };
  CHECK(direction("dgsam", seeded) != direction("dgsam", nothing));
}

TEST_CASE("make_optimizer: perturbed passes leave no trace in running statistics", "[methods]") {
  const TrainOptions options = tiny_options("erm");
  const at::Tensor images = torch::randn({4, 3, 32, 32});
  const at::Tensor labels = torch::tensor({0.0F, 0.0F, 1.0F, 1.0F});
  std::vector<std::vector<at::Tensor>> buffers;
  for (const std::string& method : method_names()) {
    // These meet the second domain for the first time on their way, at other weights.
    if (method == "dgsam" || method == "fish") continue;
    TrainOptions with = options;
    with.optimizer = method;
    torch::manual_seed(1);
    const auto detector = make_detector(options.model);
    const auto optimizer = make_optimizer(with, *detector);
    const auto closure = [&] {
      auto loss = detection_loss(detector->forward(images), labels);
      loss.backward();
      return loss;
    };
    const StepOutcome outcome = optimizer->step({closure, closure});
    CAPTURE(method);
    CHECK(outcome.losses.size() == 2);
    CHECK_FALSE(outcome.skipped);
    buffers.push_back(detector->buffers());
  }
  for (const auto& of_method : buffers) check_equal(of_method, buffers.front());
}

TEST_CASE("make_optimizer: a loss that is not finite changes nothing and is reported",
          "[methods]") {
  const TrainOptions options = tiny_options("roga");
  const auto detector = make_detector(options.model);
  const auto optimizer = make_optimizer(options, *detector);
  std::vector<at::Tensor> before;
  for (const auto& parameter : detector->parameters()) before.push_back(parameter.detach().clone());
  const StepOutcome outcome = optimizer->step({[&] {
    auto loss = detector->forward(torch::full({2, 3, 32, 32}, INFINITY)).sum();
    loss.backward();
    return loss;
  }});
  CHECK(outcome.skipped);
  check_equal(detector->parameters(), before);
}

TEST_CASE("make_detector: one logit per image, features before the head", "[model]") {
  for (const char* norm : {"batch", "group"}) {
    ModelOptions options;
    options.norm = norm;
    const auto detector = make_detector(options);
    const at::Tensor images = torch::randn({3, 3, 64, 64});
    const at::Tensor features = detector->features(images);
    CHECK(features.sizes() == at::IntArrayRef({3, 48, 8, 8}));
    CHECK(detector->head(features).sizes() == at::IntArrayRef({3}));
    CHECK(count_parameters(*detector) > 100'000);
    CHECK(count_parameters(*detector) < 230'000);
  }
  ModelOptions unknown;
  unknown.model = "residual-smal";
  CHECK(mentions(message_of([&] { make_detector(unknown); }), "did you mean 'residual-small'?"));
}

TEST_CASE("to_tensor: channels first, RGB, from -1 to 1", "[batch]") {
  cv::Mat image(2, 3, CV_8UC3, cv::Scalar(255, 0, 51));
  image.at<cv::Vec3b>(1, 2) = {0, 102, 255};
  const std::vector<cv::Mat> images{image, image};
  const at::Tensor tensor = to_tensor(images);
  REQUIRE(tensor.sizes() == at::IntArrayRef({2, 3, 2, 3}));
  CHECK(tensor[1][0][0][0].item<float>() == Approx(1));
  CHECK(tensor[1][1][0][0].item<float>() == -1.0F);
  CHECK(tensor[1][2][0][0].item<float>() == Approx(-0.6));
  CHECK(tensor[0][0][1][2].item<float>() == -1.0F);
  CHECK(tensor[0][1][1][2].item<float>() == Approx(-0.2));
}

TEST_CASE("checkpoints: broken and foreign files are named", "[checkpoint]") {
  const TemporaryFolder folder;
  const auto detector = make_detector({});
  const fs::path file = folder.path() / "x.pt";
  CHECK(mentions(message_of([&] { read_run_state(file); }), "x.pt: no such checkpoint"));
  save_run_checkpoint(file, *detector, nullptr, nullptr, {{"epoch", 3}});
  CHECK(read_run_state(file)["epoch"] == 3);
  std::string content = bytes(file);
  std::ofstream(file, std::ios::binary) << content.substr(0, content.size() / 2);
  CHECK(mentions(message_of([&] { read_run_state(file); }), "x.pt: not a checkpoint"));
  torch::save(torch::ones({2}), file.string());
  CHECK(mentions(message_of([&] { read_run_state(file); }), "x.pt: not a checkpoint"));
}

/// AUC by counting pairs.
double counted_auc(const std::vector<std::pair<double, int>>& scores) {
  double wins = 0, pairs = 0;
  for (const auto& [fake, fake_label] : scores) {
    for (const auto& [real, real_label] : scores) {
      if (fake_label != 1 || real_label != 0) continue;
      wins += fake > real ? 1 : fake == real ? 0.5 : 0;
      ++pairs;
    }
  }
  return wins / pairs;
}

TEST_CASE("evaluate: scores and measures are those of the images on disk", "[evaluate]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  train(tiny_options("erm"), {.run = run});
  EvaluateOptions options;
  options.run = run;
  const Evaluation evaluation = evaluate(options);
  CHECK(evaluation.synthetic);
  const std::string text = to_text(evaluation);
  CHECK(mentions(text, "synthetic-NT"));
  CHECK(mentions(text, "not trained on"));

  // One probability, worked out from the file.
  const Index index = load_index(locate_data(tiny_data()));
  const Index unseen = select(index, {.datasets = {"Synthetic-SBI"}, .split = "test"});
  const Video& video = unseen.videos.back();
  const cv::Mat bgr = cv::imread(video.frames[1].string());
  at::Tensor image = torch::empty({1, 3, 32, 32});
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      for (int c = 0; c < 3; ++c) {
        image[0][c][y][x] = static_cast<float>(bgr.at<cv::Vec3b>(y, x)[2 - c]) / 127.5F - 1;
      }
    }
  }
  const auto detector = make_detector(tiny_options("erm").model);
  load_run_checkpoint(run / "checkpoints/best.pt", *detector, nullptr);
  detector->eval();
  const double expected = torch::sigmoid(detector->forward(image)).item<double>();
  const std::vector<FrameScore> scores = read_scores(run);
  bool found = false;
  std::vector<std::pair<double, int>> of_nt;
  for (const FrameScore& score : scores) {
    if (score.dataset == "FaceForensics++" && (score.label == 0 || score.domain == "FF-NT")) {
      of_nt.emplace_back(score.prob, score.label);
    }
    if (score.dataset != "Synthetic-SBI" || score.domain != video.domain ||
        score.video != video.name || score.frame != video.frames[1].stem()) {
      continue;
    }
    found = true;
    CHECK(score.prob == Approx(expected).epsilon(1e-4));
  }
  CHECK(found);

  int matched = 0;
  for (const EvalRow& row : read_evals(run)) {
    if (row.split != "test" || row.domain != "FF-NT" || row.level != frame_level) continue;
    ++matched;
    CHECK(row.metrics.auc == Approx(counted_auc(of_nt)));
    CHECK(row.metrics.n_real + row.metrics.n_fake == static_cast<std::int64_t>(of_nt.size()));
  }
  CHECK(matched == 1);

  // Once more: the same files, and the rows of training stay.
  const std::string evals = bytes(run / "eval.csv");
  CHECK(mentions(evals, ",val,"));
  evaluate(options);
  CHECK(bytes(run / "eval.csv") == evals);

  // Results of another checkpoint are replaced together or not at all.
  std::vector<EvalRow> rows = read_evals(run);
  for (EvalRow& row : rows) {
    if (row.split == "test") row.epoch = 99;
  }
  write_evals(run, rows);
  options.datasets = {"Synthetic-SBI"};
  CHECK(mentions(message_of([&] { evaluate(options); }), "has results of epoch 99 on"));
  options.datasets = {};
  evaluate(options);
  CHECK(bytes(run / "eval.csv") == evals);
}

TEST_CASE("train: the data that counts is that of the data sets trained on", "[train]") {
  const TemporaryFolder folder;
  fs::copy(tiny_data(), folder.path() / "data", fs::copy_options::recursive);
  TrainOptions options = tiny_options("erm");
  options.data = (folder.path() / "data").string();
  options.datasets = {"FaceForensics++"};
  const std::string before = load_training_set(options).fingerprint;
  const fs::path unseen = folder.path() / "data" / "dataset_json" / "Synthetic-SBI.json";
  REQUIRE(fs::remove(unseen));
  CHECK(load_training_set(options).fingerprint == before);
  options.datasets.clear();
  CHECK(load_training_set(options).fingerprint == before);
}

TEST_CASE("train: a run of an older version knows the list of its data alone", "[train]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  const TrainOptions options = tiny_options("erm");
  train(options, {.run = run});
  const TrainingSet set = load_training_set(options);
  nlohmann::ordered_json state = read_run_state(last_checkpoint(run));
  CHECK(require_same(state, with_defaults(options), set, run, false, "stop").empty());
  state["data_fingerprint"] = list_fingerprint(set.all);
  CHECK(mentions(require_same(state, with_defaults(options), set, run, false, "stop"),
                 "older version"));
  state["data_fingerprint"] = "0123456789abcdef";
  CHECK(mentions(
      message_of([&] { require_same(state, with_defaults(options), set, run, false, "stop"); }),
      "not the data"));
}

TEST_CASE("evaluate: what cannot be evaluated is named", "[evaluate]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  train(tiny_options("erm"), {.run = run, .stop = stop_after(3)});
  EvaluateOptions options;
  options.run = run;
  options.datasets = {"Celeb-DF-v2"};
  CHECK(mentions(message_of([&] { evaluate(options); }), "Celeb-DF-v2"));
  options.datasets = {"Synthetic-SBI"};
  options.split = "val";
  CHECK(mentions(message_of([&] { evaluate(options); }), "Synthetic-SBI"));
  options = {};
  options.run = folder.path() / "none";
  CHECK(mentions(message_of([&] { evaluate(options); }), "none: no such run folder"));

  // A test set without reals.
  const TemporaryFolder fakes;
  testing::write_picture(fakes.path() / "rgb/a/0.png");
  testing::write_text(
      fakes.path() / "dataset_json/UADFV.json",
      R"({"UADFV": {"UADFV_Fake": {"test": {"a": {"label": "UADFV_Fake", "frames": ["a/0.png"]}}}}})");
  options.run = run;
  options.data = fakes.path().string();
  CHECK(mentions(message_of([&] { evaluate(options); }), "UADFV"));
}

}  // namespace
}  // namespace deepfake
