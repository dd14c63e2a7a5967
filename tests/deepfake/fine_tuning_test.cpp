// SPDX-License-Identifier: MIT
// Training few weights of a network that has seen the world: which ones, what the network is given
// for a pixel, and what need not be worked out again.
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>

#include <set>

#include "detection/evaluate.hpp"
#include "detection/export.hpp"
#include "detection/gradcam.hpp"
#include "detection/trained_detector.hpp"
#include "images/image.hpp"
#include "networks/networks.hpp"
#include "tiny_training.hpp"
#include "training/batch.hpp"
#include "training/frozen_stages.hpp"
#include "training/methods.hpp"
#include "training/run_folder.hpp"
#include "training/trainer.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using testing::check_equal;
using testing::mentions;
using testing::message_of;
using testing::TemporaryFolder;
using testing::tensors;
using testing::tiny_options;

/// Shows what a network is given.
class Window : public Detector {
 public:
  std::size_t stages() const override { return 0; }
  at::Tensor head(const at::Tensor& features) override { return features; }

 protected:
  at::Tensor stage(std::size_t, const at::Tensor& x) override { return x; }
};

/// What black and white become, in each channel.
std::vector<double> given(const ModelOptions& options) {
  Window window;
  window.normalise(normalisation_of(options));
  const at::Tensor images = torch::stack({torch::full({3, 2, 2}, -1.0F), torch::ones({3, 2, 2})});
  const at::Tensor seen = window.forward(images);
  std::vector<double> values;
  for (const std::int64_t image : {0, 1}) {
    for (std::int64_t c = 0; c < 3; ++c) values.push_back(seen[image][c][0][0].item<double>());
  }
  return values;
}

void check_close(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-5));
}

TEST_CASE("normalisation: black and white by each convention", "[normalisation]") {
  ModelOptions options;
  check_close(given(options), {-1, -1, -1, 1, 1, 1});
  options.normalisation = "imagenet";
  check_close(given(options),
              {-.485 / .229, -.456 / .224, -.406 / .225, .515 / .229, .544 / .224, .594 / .225});
  options.normalisation = "clip";
  check_close(given(options),
              {-.48145466 / .26862954, -.4578275 / .26130258, -.40821073 / .27577711,
               .51854534 / .26862954, .5421725 / .26130258, .59178927 / .27577711});
  options.normalisation = "dlib";
  check_close(given(options), {-122.782 / 256, -117.001 / 256, -104.298 / 256, 132.218 / 256,
                               137.999 / 256, 150.702 / 256});
  options.normalisation = "unit";
  check_close(given(options), {0, 0, 0, 1, 1, 1});
  options.mean = {1, 2, 3};
  options.deviation = {2};
  options.input_range = 255;
  check_close(given(options), {-.5, -1, -1.5, 127, 126.5, 126});
  // As images are: no arithmetic, no other bits.
  Window window;
  window.normalise(normalisation_of({}));
  const at::Tensor images = torch::randn({1, 3, 4, 4});
  CHECK(window.forward(images).is_same(images));

  options = {};
  options.model = "dlib-resnet-34";
  check_close(given(options), {-122.782 / 256, -117.001 / 256, -104.298 / 256, 132.218 / 256,
                               137.999 / 256, 150.702 / 256});
  options.normalisation = "deepfakebench";
  check_close(given(options), {-1, -1, -1, 1, 1, 1});
  options = {};
  options.normalisation = "image-net";
  CHECK(mentions(message_of([&] { make_detector(options); }), "did you mean 'imagenet'?"));
  TrainOptions wrong = tiny_options("erm");
  wrong.model.mean = {1, 2};
  CHECK(mentions(message_of([&] { validate(wrong); }), "option mean must be one number or three"));
  wrong.model.mean.clear();
  wrong.model.deviation = {0};
  CHECK(mentions(message_of([&] { validate(wrong); }), "option std must be more than 0"));
}

TEST_CASE("normalisation: kept with the run, and part of the exported file", "[normalisation]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  TrainOptions options = tiny_options("erm");
  options.epochs = 1;
  options.model.normalisation = "clip";
  options.model.deviation = {.25};
  train(options, {.run = run});
  CHECK(options_of_run(run).model.normalisation == "clip");
  const TrainedDetector trained = open_trained(run);

  // The same weights without normalisation, on images that were normalised by hand.
  const auto plain = make_detector(tiny_options("erm").model);
  const c10::NoGradGuard no_grad;
  for (const auto& item : plain->named_parameters()) {
    item.value().copy_(trained.detector->named_parameters()[item.key()]);
  }
  for (const auto& item : plain->named_buffers()) {
    item.value().copy_(trained.detector->named_buffers()[item.key()]);
  }
  plain->eval();
  const at::Tensor images = torch::rand({3, 3, 32, 32}) * 2 - 1;
  const at::Tensor mean = torch::tensor({.48145466F, .4578275F, .40821073F}).view({3, 1, 1});
  const at::Tensor by_hand = plain->forward(((images + 1) / 2 - mean) / .25);
  CHECK(torch::allclose(trained.detector->forward(images), by_hand, 1e-4, 1e-5));
  CHECK_FALSE(torch::allclose(plain->forward(images), by_hand, 1e-2, 1e-2));

  cv::Mat picture(32, 32, CV_8UC3);
  cv::randu(picture, 0, 255);
  const at::Tensor logit = trained.detector->forward(to_tensor(std::vector<cv::Mat>{picture}));
  CHECK(grad_cam(*trained.detector, picture).prob ==
        Approx(torch::sigmoid(logit).item<double>()).margin(1e-6));

  const fs::path file = folder.path() / "detector.pt";
  CHECK(export_detector(trained, file).difference < 1e-4);
  torch::jit::Module script = torch::jit::load(file.string());
  CHECK(torch::allclose(script.forward({images}).toTensor(), by_hand, 1e-4, 1e-5));
}

std::set<std::string> trained_names(const Detector& detector) {
  std::set<std::string> names;
  for (const auto& item : detector.named_parameters()) {
    if (item.value().requires_grad()) names.insert(item.key());
  }
  return names;
}

TEST_CASE("train-only: parameters by name, less those that are frozen", "[freeze]") {
  const auto chosen = [](const std::vector<std::string>& only,
                         const std::vector<std::string>& frozen = {}) {
    ModelOptions options;
    options.width = 8;
    const auto detector = make_detector(options);
    choose_trained(*detector, only, frozen);
    return trained_names(*detector);
  };
  const std::set<std::string> all = chosen({});
  CHECK(chosen({"*"}) == all);
  CHECK(chosen({"classifier"}) == std::set<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(chosen({"class*.bias"}) == std::set<std::string>{"classifier.bias"});
  CHECK(chosen({"blocks.?.norm1", "classifier"}, {"classifier", "blocks.0"}).size() == 5 * 2);
  CHECK(chosen({"blocks.5.conv1"}) == std::set<std::string>{"blocks.5.conv1.weight"});
  std::set<std::string> norms;
  for (const std::string& name : all) {
    if (mentions(name, "norm")) norms.insert(name);
  }
  CHECK(norms.size() == 2 * (1 + 6 * 2 + 2));  // stem, two a block, shortcuts where it shrinks
  CHECK(chosen({"normalisation"}) == norms);
  CHECK(mentions(message_of([&] { chosen({"clasifier"}); }), "did you mean 'classifier'?"));
  CHECK(mentions(message_of([&] { chosen({"*adapter*"}); }), "part to train"));
  CHECK(mentions(message_of([&] { chosen({"stem"}, {"stem"}); }), "nothing is left to train"));

  // torchvision calls them bn1 and downsample.1: known by what they are.
  ModelOptions resnet;
  resnet.model = "resnet-18";
  const auto detector = make_detector(resnet);
  choose_trained(*detector, {"normalisation"}, {});
  CHECK(trained_names(*detector).size() == 2 * 20);
  CHECK(trained_names(*detector).contains("layer2.0.downsample.1.weight"));

  // Scale and shift alone, where batch norm was.
  ModelOptions of_dlib;
  of_dlib.model = "dlib-resnet-34";
  const auto affine = make_detector(of_dlib);
  choose_trained(*affine, {"normalisation"}, {});
  CHECK(trained_names(*affine).size() == 2 * (1 + 2 * 16));
  CHECK(trained_names(*affine).contains("stage2.0.affine1.weight"));
  choose_trained(*affine, {"normalisation", "stage4", "fc"},
                 {"stem", "stage1", "stage2", "stage3"});
  CHECK(frozen_stages(*affine, 64) == 4);
}

TEST_CASE("train-only: the optimizer holds what is trained, statistics of the rest stay",
          "[freeze]") {
  TrainOptions options = tiny_options("roga");
  options.train_only = {"blocks.5", "classifier"};
  const auto detector = make_detector(options.model);
  choose_trained(*detector, options.train_only, {});
  const auto optimizer = make_optimizer(options, *detector);
  std::size_t held = 0;
  for (const auto& group : optimizer->optimizer().param_groups()) held += group.params().size();
  CHECK(held == trained_names(*detector).size());
  set_training_mode(*detector, {});
  const auto images = torch::linspace(-1, 1, 4 * 3 * 32 * 32).view({4, 3, 32, 32});
  optimizer->step({[&] {
    auto loss = detection_loss(detector->forward(images), torch::tensor({0.F, 1.F, 0.F, 1.F}));
    loss.backward();
    return loss;
  }});
  for (const auto& item : detector->named_parameters()) {
    if (!item.value().requires_grad()) CHECK_FALSE(item.value().grad().defined());
  }
  const auto buffers = detector->named_buffers();
  CHECK(buffers["stem_norm.running_mean"].abs().max().item<float>() == 0);
  CHECK(buffers["blocks.4.norm1.running_mean"].abs().max().item<float>() == 0);
  CHECK(buffers["blocks.5.norm1.running_mean"].abs().max().item<float>() > 0);
}

TEST_CASE("cache-frozen: as many stages as stay the same, worked out once an image", "[freeze]") {
  ModelOptions options;
  options.width = 8;
  const auto detector = make_detector(options);
  CHECK(frozen_stages(*detector, 32) == 0);
  choose_trained(*detector, {"blocks.4", "blocks.5", "classifier"}, {});
  CHECK(frozen_stages(*detector, 32) == 5);  // the stem and four blocks

  set_training_mode(*detector, {});
  FrozenOutputs outputs(*detector, 5, at::kFloat, std::size_t{1} << 30U);
  const at::Tensor images = torch::randn({3, 3, 32, 32});
  const std::vector<FrameRef> frames{{0, 0}, {0, 1}, {2, 0}};
  const at::Tensor first = outputs.of(frames, images);
  CHECK(outputs.worked_out() == 3);
  CHECK_FALSE(first.requires_grad());
  CHECK(torch::allclose(detector->after(5, first), detector->forward(images), 1e-3, 1e-4));
  const at::Tensor again =
      outputs.of(std::vector<FrameRef>{{2, 0}, {0, 0}}, torch::zeros({2, 3, 32, 32}));
  CHECK(outputs.worked_out() == 3);
  CHECK(torch::equal(again[0], first[2]));
  CHECK(torch::equal(again[1], first[0]));
  FrozenOutputs none(*detector, 5, at::kFloat, 0);
  none.of(frames, images);
  CHECK(torch::equal(none.of(frames, images), first));
  CHECK(none.worked_out() == 6);
}

TEST_CASE("cache-frozen: training goes as it does without, and resumes bit for bit", "[freeze]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("roga");
  options.base = "sgd";  // Adam makes steps of rounding errors where gradients are nearly 0
  options.train_only = {"blocks.5", "classifier"};
  options.augment.augment = false;
  train(options, {.run = folder.path() / "plain"});
  options.cache_frozen = true;
  train(options, {.run = folder.path() / "kept"});
  train(options, {.run = folder.path() / "parts", .stop = testing::stop_after(2)});
  train(options, {.run = folder.path() / "parts", .resume = true});
  const auto plain = tensors(*open_trained(folder.path() / "plain", "last").detector);
  const auto kept = tensors(*open_trained(folder.path() / "kept", "last").detector);
  check_equal(kept, tensors(*open_trained(folder.path() / "parts", "last").detector));
  REQUIRE(plain.size() == kept.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(torch::allclose(plain[i], kept[i], 1e-3, 1e-4));
  }
  options.train_only.clear();
  CHECK(mentions(message_of([&] { train(options, {.run = folder.path() / "none"}); }),
                 "no first stage that stays the same"));
  options.augment.augment = true;
  CHECK(mentions(message_of([&] { train(options, {.run = folder.path() / "none"}); }),
                 "--no-augment"));
}

torch::jit::Module layer_norm(std::int64_t width) {
  torch::jit::Module norm("__torch__.torch.nn.modules.normalization.LayerNorm");
  norm.register_parameter("weight", torch::ones({width}), false);
  norm.register_parameter("bias", torch::zeros({width}), false);
  norm.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  return torch.layer_norm(x, [" +
      std::to_string(width) + "], self.weight, self.bias, 1e-5)\n");
  return norm;
}

/// A vision transformer with CLIP's parts and names: patches, a class token, attention, QuickGELU,
/// layer norm, and a linear head on the class token.
torch::jit::Module tiny_clip() {
  torch::manual_seed(5);
  constexpr std::int64_t width = 16, patches = 16;  // of 8 x 8 pixels in 32 x 32
  const auto weight = [](at::IntArrayRef shape) { return torch::randn(shape) * .15; };
  torch::jit::Module attn("__torch__.MultiheadAttention");
  attn.register_parameter("in_proj_weight", weight({3 * width, width}), false);
  attn.register_parameter("out_proj_weight", weight({width, width}), false);
  attn.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  q, k, v = torch.chunk(torch.matmul(x, self.in_proj_weight.t()), 3, -1)\n"
      "  a = torch.softmax(torch.matmul(q, k.transpose(1, 2)) * 0.25, -1)\n"
      "  return torch.matmul(torch.matmul(a, v), self.out_proj_weight.t())\n");
  torch::jit::Module mlp("__torch__.Mlp");
  mlp.register_parameter("c_fc", weight({4 * width, width}), false);
  mlp.register_parameter("c_proj", weight({width, 4 * width}), false);
  mlp.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  h = torch.matmul(x, self.c_fc.t())\n"
      "  return torch.matmul(h * torch.sigmoid(1.702 * h), self.c_proj.t())\n");
  torch::jit::Module block("__torch__.ResidualAttentionBlock");
  block.register_module("ln_1", layer_norm(width));
  block.register_module("attn", attn);
  block.register_module("ln_2", layer_norm(width));
  block.register_module("mlp", mlp);
  block.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  x = x + self.attn.forward(self.ln_1.forward(x))\n"
      "  return x + self.mlp.forward(self.ln_2.forward(x))\n");
  torch::jit::Module vit("__torch__.VisionTransformer");
  vit.register_parameter("conv1", weight({width, 3, 8, 8}), false);
  vit.register_parameter("class_embedding", weight({width}), false);
  vit.register_parameter("positional_embedding", weight({patches + 1, width}), false);
  vit.register_parameter("head", weight({1, width}), false);
  vit.register_module("ln_pre", layer_norm(width));
  vit.register_module("block", block);
  vit.register_module("ln_post", layer_norm(width));
  vit.define(
      "def forward(self, images: Tensor) -> Tensor:\n"
      "  x = torch.conv2d(images, self.conv1, None, [8, 8]).flatten(2).transpose(1, 2)\n"
      "  first = self.class_embedding.expand(x.size(0), 1, -1)\n"
      "  x = torch.cat([first, x], 1) + self.positional_embedding\n"
      "  x = self.block.forward(self.ln_pre.forward(x))\n"
      "  x = self.ln_post.forward(x.select(1, 0))\n"
      "  return torch.matmul(x, self.head.t())\n");
  for (auto parameter : vit.parameters()) parameter.set_requires_grad(true);
  return vit;
}

TEST_CASE("a CLIP-like transformer: its layer norm and head are tuned, the rest stays",
          "[script]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "clip.pt";
  tiny_clip().save(file.string());
  TrainOptions options = tiny_options("roga");
  options.model.model = file.string();
  options.model.normalisation = "clip";
  options.train_only = {"normalisation", "head"};
  options.schedule.lr = 1e-2;
  options.epochs = 4;
  options.steps_per_epoch = 10;
  const fs::path run = folder.path() / "run";
  CHECK(train(options, {.run = run}).finished);
  CHECK(read_run(run).config.all.at("trained_parameters") == 2 * 16 * 4 + 16);

  const TrainedDetector trained = open_trained(run, "last");
  const auto before = make_detector(options.model);
  std::size_t moved = 0;
  for (const auto& item : before->named_parameters()) {
    const bool is_tuned = mentions(item.key(), "ln_") || item.key() == "head";
    CAPTURE(item.key());
    CHECK(torch::equal(item.value(), trained.detector->named_parameters()[item.key()]) != is_tuned);
    moved += is_tuned ? 1 : 0;
  }
  CHECK(moved == 2 * 4 + 1);
  const std::vector<HistoryRow> history = read_history(run);
  REQUIRE(history.size() == 20);
  double early = 0, late = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    early += history[i].loss;
    late += history[15 + i].loss;
  }
  CHECK(late < early);
  EvaluateOptions test;
  test.run = run;
  CHECK(evaluate(test).rows.size() > 4);

  // The exported file does the normalisation itself, for any number of images, and trains on.
  const fs::path exported = folder.path() / "exported.pt";
  CHECK(export_detector(trained, exported).difference < 1e-4);
  TrainOptions further = options;
  further.model.model = exported.string();
  further.model.normalisation = "deepfakebench";
  further.train_only = {"normalisation"};
  const fs::path second = folder.path() / "second";
  CHECK(train(further, {.run = second}).finished);
  const auto after = open_trained(second, "last").detector->named_parameters();
  const auto from = trained.detector->named_parameters();
  CHECK_FALSE(torch::equal(after["net.block.ln_1.weight"], from["block.ln_1.weight"]));
  CHECK(torch::equal(after["net.head"], from["head"]));
}

TEST_CASE("a trace without batch norm trains, its layers known by name", "[script]") {
  const TemporaryFolder folder;
  const auto unit = std::make_shared<torch::jit::CompilationUnit>();
  torch::jit::Module net(c10::QualifiedName("__torch__.Traced"), unit);
  torch::manual_seed(6);
  const auto patches = (torch::randn({16, 3, 8, 8}) * .1).requires_grad_();
  const auto scale = torch::ones({16}).requires_grad_();
  const auto shift = torch::zeros({16}).requires_grad_();
  const auto head = (torch::randn({1, 16}) * .3).requires_grad_();
  net.register_parameter("patches", patches, false);
  net.register_parameter("ln_1_weight", scale, false);
  net.register_parameter("ln_1_bias", shift, false);
  net.register_parameter("head", head, false);
  const auto forward = [&](const torch::jit::Stack& inputs) {
    auto x = torch::conv2d(inputs.front().toTensor(), patches, {}, 8).flatten(2).transpose(1, 2);
    x = torch::layer_norm(x, {16}, scale, shift);
    return torch::jit::Stack{torch::matmul(x.relu().mean(1), head.t())};
  };
  const auto no_name = [](const at::Tensor&) { return std::string(); };
  const auto trace = torch::jit::tracer::trace({torch::randn({2, 3, 32, 32})}, forward, no_name,
                                               /*strict=*/true, /*force_outplace=*/false, &net);
  net.type()->addMethod(
      unit->create_function(c10::QualifiedName("__torch__.Traced.forward"), trace.first->graph));
  const fs::path file = folder.path() / "traced.pt";
  net.save(file.string());

  TrainOptions options = tiny_options("sam");
  options.model.model = file.string();
  options.train_only = {"ln_1*", "head"};
  CHECK(train(options, {.run = folder.path() / "run"}).finished);
  const auto after = open_trained(folder.path() / "run", "last").detector->named_parameters();
  CHECK(torch::equal(after["patches"], patches));
  CHECK_FALSE(torch::equal(after["ln_1_weight"], scale));
  CHECK_FALSE(torch::equal(after["ln_1_bias"], shift));
  CHECK_FALSE(torch::equal(after["head"], head));
  options.train_only = {"normalisation"};
  CHECK(mentions(message_of([&] { train(options, {.run = folder.path() / "none"}); }),
                 "no normalisation layer that is known as one"));
}

}  // namespace
}  // namespace deepfake
