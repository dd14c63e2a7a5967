// SPDX-License-Identifier: MIT
// What a trained detector is used for, and the options of training that change how it goes.
#include <torch/script.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include "detection/evaluate.hpp"
#include "detection/export.hpp"
#include "detection/gradcam.hpp"
#include "detection/predict.hpp"
#include "detection/robustness.hpp"
#include "images/image.hpp"
#include "tiny_training.hpp"
#include "training/augment.hpp"
#include "training/batch.hpp"
#include "training/methods.hpp"
#include "training/run_checkpoint.hpp"
#include "training/run_folder.hpp"
#include "training/trainer.hpp"

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

/// One run for the tests that only read it.
const fs::path& trained_run() {
  static const TemporaryFolder folder;
  static const fs::path run = [] {
    train(tiny_options("erm"), {.run = folder.path() / "run"});
    return folder.path() / "run";
  }();
  return run;
}

TEST_CASE("training: the number of workers changes no bit", "[pipeline]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("roga");
  std::vector<std::vector<at::Tensor>> weights;
  for (const int workers : {0, 1, 3}) {
    options.workers = workers;
    options.cache_mb = workers;  // nor does the cache
    const fs::path run = folder.path() / std::to_string(workers);
    train(options, {.run = run});
    weights.push_back(tensors(*open_trained(run, "last").detector));
  }
  check_equal(weights[0], weights[1]);
  check_equal(weights[0], weights[2]);
}

TEST_CASE("training: the averaged weights are kept, and resume exactly", "[ema]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("sam");
  options.ema = 0.9;
  train(options, {.run = folder.path() / "whole"});
  train(options, {.run = folder.path() / "halves", .stop = stop_after(4)});
  train(options, {.run = folder.path() / "halves", .resume = true});
  for (const char* checkpoint : {"best", "last"}) {
    check_equal(tensors(*open_trained(folder.path() / "whole", checkpoint).detector),
                tensors(*open_trained(folder.path() / "halves", checkpoint).detector));
  }
  // What was validated after the resumption was the average, too.
  const auto evals = [&](const char* run) {
    std::ifstream stream(folder.path() / run / "eval.csv");
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  CHECK(evals("whole") == evals("halves"));
  options.ema = 0;
  options.epochs = 1;  // its best is the only epoch's
  train(options, {.run = folder.path() / "plain"});
  options.ema = 0.9;
  train(options, {.run = folder.path() / "averaged"});
  const auto first = [&](const char* run, const char* checkpoint) {
    return open_trained(folder.path() / run, checkpoint).detector->parameters()[0];
  };
  CHECK(torch::equal(first("plain", "best"), first("plain", "last")));
  CHECK(torch::equal(first("plain", "last"), first("averaged", "last")));
  CHECK_FALSE(torch::equal(first("averaged", "best"), first("averaged", "last")));
}

TEST_CASE("training: stops when patience is over", "[patience]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("erm");
  options.epochs = 30;
  options.steps_per_epoch = 1;
  options.schedule.lr = 1e-30;  // nothing gets better
  options.patience = 3;
  const fs::path run = folder.path() / "run";
  const TrainResult result = train(options, {.run = run});
  CHECK(result.finished);
  CHECK(result.steps == result.best_epoch + 3);
  CHECK(result.steps < 30);
  CHECK(is_finished(run));
  CHECK(train(options, {.run = run, .resume = true}).steps == result.steps);
}

TEST_CASE("training: bfloat16 passes give float32 weights and another result", "[precision]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("sam");
  options.epochs = 1;
  train(options, {.run = folder.path() / "float"});
  options.precision = "bfloat16";
  train(options, {.run = folder.path() / "half"});
  const auto exact = open_trained(folder.path() / "float", "last").detector->parameters();
  const auto rough = open_trained(folder.path() / "half", "last").detector->parameters();
  bool differs = false;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    CHECK(rough[i].scalar_type() == at::kFloat);
    CHECK(torch::allclose(rough[i], exact[i], .1, .02));
    differs = differs || !torch::equal(rough[i], exact[i]);
  }
  CHECK(differs);
  options.precision = "float16";
  CHECK(mentions(message_of([&] { validate(options); }), "on the cpu"));
  options = tiny_options("sam");
  options.device = "tpu";
  CHECK(mentions(message_of([&] { train(options, {.run = folder.path() / "no"}); }), "tpu"));
}

TEST_CASE("augmentation: colour and resampling do what they are called", "[augment]") {
  cv::Mat image(16, 16, CV_8UC3);
  for (int y = 0; y < 16; ++y) {
    for (int x = 0; x < 16; ++x) {
      image.at<cv::Vec3b>(y, x) = {200, cv::saturate_cast<uchar>(80 + 4 * x),
                                   cv::saturate_cast<uchar>(60 + 2 * y)};
    }
  }
  AugmentOptions off;
  off.flip = off.affine = off.brightness = off.contrast = off.jpeg = off.blur = 0;
  const auto changed = [&](auto&& set) {
    AugmentOptions options = off;
    set(options);
    return augment(image, options, 5);
  };
  CHECK(cv::norm(changed([](auto&) {}), image, cv::NORM_INF) == 0);
  // Hue leaves the largest and the smallest channel's values, in other places.
  const cv::Mat hue = changed([](auto& options) { options.hue = 120; });
  CHECK(cv::norm(hue, image, cv::NORM_INF) > 10);
  const auto extremes = [](const cv::Vec3b& p) {
    return std::pair(std::min({p[0], p[1], p[2]}), std::max({p[0], p[1], p[2]}));
  };
  for (const int at : {0, 7, 15}) {
    const auto [low, high] = extremes(hue.at<cv::Vec3b>(at, at));
    const auto [low0, high0] = extremes(image.at<cv::Vec3b>(at, at));
    CHECK(std::abs(low - low0) <= 1);
    CHECK(std::abs(high - high0) <= 1);
  }
  // Saturation leaves the largest channel.
  const cv::Mat pale = changed([](auto& options) { options.saturation = 0.9; });
  CHECK(cv::norm(pale, image, cv::NORM_INF) > 5);
  CHECK(std::abs(pale.at<cv::Vec3b>(3, 3)[0] - 200) <= 1);
  // Colour noise is one shift for the whole picture.
  cv::Mat shift;
  cv::subtract(changed([](auto& options) { options.pca = 1; }), image, shift, {}, CV_32S);
  cv::Scalar mean, deviation;
  cv::meanStdDev(shift, mean, deviation);
  CHECK(cv::norm(mean) > 0.5);
  CHECK(deviation[0] + deviation[1] + deviation[2] < 1e-9);
  // Resampling takes fine detail away.
  cv::Mat stripes(16, 16, CV_8UC3, cv::Scalar::all(0));
  for (int x = 0; x < 16; x += 2) stripes.col(x).setTo(cv::Scalar::all(255));
  AugmentOptions options = off;
  options.resample = 1;
  cv::meanStdDev(augment(stripes, options, 9), mean, deviation);
  CHECK(deviation[0] < 120);
}

TEST_CASE("Grad-CAM: equals its closed form for a linear head", "[gradcam]") {
  const auto detector = make_detector({});
  const Index index = load_index(locate_data(tiny_data()));
  const cv::Mat image = read_image(index.videos.back().frames.front(), 64);
  const HeatMap map = grad_cam(*detector, image);
  // logit = sum_c w_c mean_ij A_c,ij + b, so dy / dA_c,ij = w_c / (h w): the same weights, up to a
  // factor that the division by the peak takes away.
  const c10::NoGradGuard no_grad;
  detector->eval();
  const auto features = detector->features(to_tensor(std::vector<cv::Mat>{image}));
  const auto weights = detector->named_parameters()["classifier.weight"].view({1, -1, 1, 1});
  auto expected = (weights * features).sum(1).relu().squeeze(0);
  CHECK(expected.max().item<float>() > 0);
  expected = (expected / expected.max()).contiguous();
  cv::Mat small(static_cast<int>(expected.size(0)), static_cast<int>(expected.size(1)), CV_32F,
                expected.data_ptr<float>());
  cv::Mat enlarged;
  cv::resize(small, enlarged, image.size(), 0, 0, cv::INTER_LINEAR);
  CHECK(cv::norm(enlarged, map.heat, cv::NORM_INF) < 1e-5);
  CHECK(map.prob == Approx(torch::sigmoid(detector->head(features)).item<double>()));
}

TEST_CASE("gradcam: a picture for each label, listed for the report", "[gradcam]") {
  GradCamOptions options;
  options.run = trained_run();
  options.per_domain = 2;
  const auto rows = write_grad_cams(options);
  std::map<std::string, int> of_label;
  for (const GradCamRow& row : rows) {
    ++of_label[row.dataset + ' ' + row.domain];
    const cv::Mat picture = read_image(options.run / "gradcam" / row.file);
    CHECK(picture.cols == 2 * picture.rows);
  }
  CHECK(of_label["FaceForensics++ FF-NT"] == 2);
  CHECK(of_label["FaceForensics++ FF-real"] == 2);
  CHECK(of_label.size() > 6);
  CHECK(read_gradcam_index(options.run).size() == rows.size());
}

TEST_CASE("robustness: the clean row is evaluate's, and corruptions do what they say",
          "[robustness]") {
  TestOptions options;
  options.run = trained_run();
  options.datasets = {"FaceForensics++"};
  const auto rows = robustness(options, {"jpeg"});
  CHECK(rows.size() == 4 * (1 + 4));
  EvaluateOptions evaluation;
  static_cast<TestOptions&>(evaluation) = options;
  for (const EvalRow& row : evaluate(evaluation).rows) {
    if (row.level != frame_level || row.domain == all_domains) continue;
    const auto clean = std::ranges::find_if(rows, [&](const RobustnessRow& candidate) {
      return candidate.corruption == no_corruption && candidate.domain == row.domain;
    });
    REQUIRE(clean != rows.end());
    CHECK(clean->frame_auc == row.metrics.auc);
  }
  CHECK(read_robustness(options.run).size() == rows.size());
  CHECK(mentions(to_text(rows), "jpeg"));
  CHECK(mentions(message_of([&] { robustness(options, {"jpg"}); }), "jpeg"));

  const cv::Mat grey(64, 64, CV_8UC3, cv::Scalar::all(128));
  cv::Scalar mean, deviation;
  cv::meanStdDev(corrupt(grey, "noise", 10, 1), mean, deviation);
  CHECK(deviation[0] == Approx(10).epsilon(.05));
  CHECK(cv::norm(corrupt(grey, "noise", 10, 1), corrupt(grey, "noise", 10, 1)) == 0);
  CHECK(cv::norm(corrupt(grey, "noise", 10, 1), corrupt(grey, "noise", 10, 2)) > 0);
  cv::Mat dot = cv::Mat::zeros(65, 65, CV_8UC3);
  dot.at<cv::Vec3b>(32, 32) = {255, 255, 255};
  // The peak of a Gaussian of deviation s is 1 / (2 pi s^2).
  CHECK(corrupt(dot, "blur", 1, 0).at<cv::Vec3b>(32, 32)[0] == Approx(255 / 6.2832).margin(2));
  CHECK(corrupt(dot, "resize", 0.5, 0).size() == dot.size());
  std::vector<std::size_t> unlike;
  const cv::Mat face = read_image(load_index(locate_data(tiny_data())).videos[0].frames[0]);
  double last = 0;
  for (const double quality : {90, 50, 10}) {
    const double error = cv::norm(corrupt(face, "jpeg", quality, 0), face);
    CHECK(error > last);
    last = error;
  }
}

TEST_CASE("evaluate and robustness: bad data costs what it spoils and no more",
          "[faults][robustness]") {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  const fs::path run = folder.path() / "run";
  fs::copy(tiny_data(), data, fs::copy_options::recursive);
  fs::copy(trained_run(), run, fs::copy_options::recursive);
  EvaluateOptions options;
  options.run = run;
  options.data = data.string();
  const Evaluation whole = evaluate(options);

  // One set loses its real videos, another a frame.
  const fs::path list = data / "dataset_json" / "Synthetic-FWA.json";
  std::ifstream stream(list);
  auto json = nlohmann::json::parse(stream);
  auto& labels = json.at("Synthetic-FWA");
  const std::size_t kinds = labels.size();
  for (auto label = labels.begin(); label != labels.end();) {
    label = mentions(label.key(), "eal") ? labels.erase(label) : std::next(label);
  }
  REQUIRE(labels.size() + 1 == kinds);
  testing::write_text(list, json.dump());
  const Index index = load_index(locate_data(data.string()));
  const auto spoiled = std::ranges::find_if(index.videos, [](const Video& video) {
    return video.dataset == "Synthetic-SBI" && video.is_fake && video.split == "test";
  });
  REQUIRE(spoiled != index.videos.end());
  testing::write_text(spoiled->frames[0], "no picture");

  const Evaluation evaluation = evaluate(options);
  CHECK(evaluation.frames < whole.frames);
  CHECK(evaluation.rows.size() == whole.rows.size() - 2);  // frames and videos of one manipulation
  for (const EvalRow& row : evaluation.rows) CHECK(row.dataset != "Synthetic-FWA");
  options.datasets = {"Synthetic-FWA"};
  CHECK(mentions(message_of([&] { evaluate(options); }), "needs real and fake"));

  options.datasets = {"Synthetic-SBI"};
  const auto rows = robustness(options, {"jpeg"});
  CHECK(rows.size() == 1 + 4);
  CHECK(rows.front().frame_auc == evaluate(options).rows.front().metrics.auc);
  options.datasets = {"Synthetic-SBI", "Synthetic-FWA"};
  CHECK(robustness(options, {"jpeg"}).size() == rows.size());
}

TEST_CASE("export: the file gives the detector's logits for any number of images", "[export]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "detector.pt";
  const TrainedDetector trained = open_trained(trained_run());
  const Exported exported = export_detector(trained, file);
  CHECK(exported.difference < 1e-4);
  CHECK(exported.parameters == count_parameters(*trained.detector));
  torch::jit::ExtraFilesMap extra{{"roga-deepfake.json", ""}};
  torch::jit::Module script = torch::jit::load(file.string(), at::kCPU, extra);
  const auto card = nlohmann::json::parse(extra["roga-deepfake.json"]);
  CHECK(card["synthetic"] == true);
  CHECK(card["size"] == 32);
  const c10::NoGradGuard no_grad;
  for (const std::int64_t count : {1, 7}) {
    const auto images = torch::rand({count, 3, 32, 32}) * 2 - 1;
    CHECK(torch::allclose(script.forward({images}).toTensor(), trained.detector->forward(images),
                          1e-4, 1e-5));
  }
  std::vector<std::string> names;
  for (const auto& item : script.named_parameters()) names.push_back(item.name);
  CHECK(std::ranges::find(names, "blocks.0.conv1.weight") != names.end());
  // It is in evaluation mode for good: as a network to train it is refused.
  TrainOptions options = tiny_options("erm");
  options.model.model = file.string();
  CHECK(mentions(message_of([&] { make_detector(options.model); }), "traced in evaluation mode"));
  CHECK(mentions(message_of([&] { export_detector(trained, folder.path() / "no/x.pt"); }), "x.pt"));
}

TEST_CASE("predict: images, folders and videos; faults stop nothing", "[predict]") {
  const TemporaryFolder folder;
  const Index index = load_index(locate_data(tiny_data()));
  const fs::path original = index.videos.front().frames.front();
  fs::create_directories(folder.path() / "in/sub");
  fs::copy_file(original, folder.path() / "in/sub/face.png");
  testing::write_text(folder.path() / "in/broken.jpg", "nothing");
  const cv::Mat frame = cv::imread(original.string());
  {
    cv::VideoWriter video((folder.path() / "in/clip.avi").string(),
                          cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, frame.size());
    for (int i = 0; i < 9; ++i) video.write(frame);
  }
  PredictOptions options;
  options.run = trained_run();
  options.inputs = {folder.path() / "in", original};
  options.frames = 4;
  const Predictions predictions = predict(options);
  REQUIRE(predictions.files.size() == 4);
  CHECK(mentions(predictions.files[0].fault, "broken.jpg"));
  const Prediction& clip = predictions.files[1];
  REQUIRE(clip.frames.size() == 4);
  CHECK(clip.frames[1].number == 3);
  CHECK(clip.frames[3].number == 8);
  double sum = 0;
  for (const auto& one : clip.frames) sum += one.prob;
  CHECK(clip.prob == Approx(sum / 4));
  // The image as the detector sees it.
  const TrainedDetector trained = open_trained(trained_run());
  const c10::NoGradGuard no_grad;
  const auto image = to_tensor(std::vector<cv::Mat>{read_image(original, 32)});
  const double expected = torch::sigmoid(trained.detector->forward(image)).item<double>();
  CHECK(predictions.files[2].prob == Approx(expected).epsilon(1e-5));
  CHECK(predictions.files[3].prob == predictions.files[2].prob);
  CHECK(predictions.synthetic);
  CHECK(mentions(to_text(predictions), "synthetic"));
  const auto json = to_json(predictions);
  CHECK(json["files"][1]["frames"].size() == 4);
  CHECK(json["files"][2]["verdict"] == (expected > 0.5 ? "fake" : "real"));
  options.inputs = {folder.path() / "none"};
  CHECK(mentions(message_of([&] { predict(options); }), "none: no such file"));
  fs::create_directories(folder.path() / "empty");
  options.inputs = {folder.path() / "empty"};
  CHECK(mentions(message_of([&] { predict(options); }), "no image and no video"));
}

}  // namespace
}  // namespace deepfake
