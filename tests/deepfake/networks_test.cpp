// SPDX-License-Identifier: MIT
// Networks against their papers, weights by name, freezing, TorchScript.
#include <torch/script.h>

#include <array>
#include <barrier>
#include <thread>

#include "detection/trained_detector.hpp"
#include "networks/networks.hpp"
#include "networks/shared_batch.hpp"
#include "tiny_training.hpp"
#include "training/batch.hpp"
#include "training/pretrained.hpp"
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

std::shared_ptr<Detector> network(const std::string& name) {
  ModelOptions options;
  options.model = name;
  return make_detector(options);
}

/// With a head of 1000 classes instead of one logit.
std::int64_t as_published(const Detector& detector, std::int64_t width) {
  return count_parameters(detector) - (width + 1) + (width + 1) * 1000;
}

TEST_CASE("networks: parameters are as many as published", "[network]") {
  CHECK(as_published(*network("resnet-18"), 512) == 11689512);
  CHECK(as_published(*network("xception"), 2048) == 22855952);
  CHECK(as_published(*network("efficientnet-b4"), 1792) == 19341616);
  CHECK(mentions(message_of([] { network("resnet18"); }), "resnet-18"));
}

TEST_CASE("networks: conv-small has four stages and no normalisation", "[network]") {
  torch::manual_seed(5);
  const auto detector = network("conv-small");
  // Kernels and biases of 3 -> 16 -> 32 -> 64 -> 64 channels, and the head.
  CHECK(count_parameters(*detector) == 9 * (48 + 512 + 2048 + 4096) + 176 + 64 + 1);
  CHECK(detector->buffers().empty());
  const c10::NoGradGuard no_grad;
  const auto images = torch::randn({8, 3, 64, 64});
  CHECK(detector->features(images).sizes() == at::IntArrayRef({8, 64, 4, 4}));
  REQUIRE(detector->stages() == 4);
  // Signals neither fade nor grow: in expectation each convolution keeps the mean square, and
  // pooling takes the larger values.
  for (std::size_t count = 1; count <= 4; ++count) {
    const double square = detector->before(count, images).square().mean().item<double>();
    INFO(count << ": " << square);
    CHECK(square > 0.5);
    CHECK(square < 100);
  }
  // An image's logit is its own, in training as in evaluation.
  const auto logits = detector->forward(images);
  CHECK(logits.sizes() == at::IntArrayRef({8}));
  detector->eval();
  CHECK(torch::allclose(detector->forward(images.slice(0, 0, 3)), logits.slice(0, 0, 3)));
  ModelOptions wide;
  wide.model = "conv-small";
  wide.width = 24;
  CHECK(make_detector(wide)->features(images).size(1) == 96);
}

TEST_CASE("networks: feature maps are as wide and as coarse as published", "[network]") {
  const c10::NoGradGuard no_grad;
  const auto images = torch::zeros({1, 3, 128, 128});
  const auto shape = [&](const char* name) {
    const auto detector = network(name);
    detector->eval();
    const auto features = detector->features(images);
    CHECK(detector->head(features).sizes() == at::IntArrayRef({1}));
    return features.sizes().vec();
  };
  CHECK(shape("resnet-18") == std::vector<std::int64_t>{1, 512, 4, 4});
  CHECK(shape("xception") == std::vector<std::int64_t>{1, 2048, 4, 4});
  CHECK(shape("efficientnet-b4") == std::vector<std::int64_t>{1, 1792, 4, 4});
}

/// A batch of so many rows in two parts: rows 0, 2, 3 and 1, 4, 5, ..., each with the other's sums.
class TwoParts {
 public:
  explicit TwoParts(std::int64_t rows) {
    std::vector<std::int64_t> first{0, 2, 3}, second{1};
    for (std::int64_t row = 4; row < rows; ++row) second.push_back(row);
    for (const auto& here : {first, second}) {
      const std::int64_t number = static_cast<std::int64_t>(parts_.size());
      parts_.push_back(std::make_shared<const SharedBatch>(SharedBatch{
          .processes = 2,
          .process = number,
          .rows = rows,
          .here = torch::tensor(here),
          .add_up = [this, number](const at::Tensor& numbers) { add_up(number, numbers); }}));
    }
  }
  const std::shared_ptr<const SharedBatch>& operator[](std::size_t part) const {
    return parts_[part];
  }

 private:
  void add_up(std::int64_t part, const at::Tensor& numbers) {
    given_.at(static_cast<std::size_t>(part)) = numbers;
    all_there_.arrive_and_wait();
    const at::Tensor sum = given_[0] + given_[1];
    all_there_.arrive_and_wait();
    numbers.copy_(sum);
  }

  std::vector<std::shared_ptr<const SharedBatch>> parts_;
  std::array<at::Tensor, 2> given_;
  std::barrier<> all_there_{2};
};

TEST_CASE("networks: batch norm over a shared batch is that of the whole one", "[network]") {
  constexpr std::int64_t rows = 8;
  const TwoParts parts(rows);
  const auto make = [] {
    torch::manual_seed(3);
    auto detector = residual_small(8, "batch");
    detector->to(torch::kDouble);
    return detector;
  };
  torch::manual_seed(4);
  const auto images = torch::randn({rows, 3, 32, 32}, torch::kDouble);
  const auto labels = torch::randint(2, {rows}, torch::kDouble);
  const auto differentiate = [&](Detector& detector, const at::Tensor& here) {
    const auto logits = detector.forward(images.index_select(0, here));
    detection_loss(logits, labels.index_select(0, here)).backward();
  };
  const auto whole = make();
  differentiate(*whole, torch::arange(rows));

  const std::array<std::shared_ptr<Detector>, 2> apart{make(), make()};
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < 2; ++r) {
    share_batches(*apart[r], {}, parts[r]);
    threads.emplace_back([&, r] { differentiate(*apart[r], parts[r]->here); });
  }
  for (auto& thread : threads) thread.join();

  const auto near = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>() <= 1e-12 * (1 + b.abs().max().item<double>());
  };
  const auto expected = whole->named_parameters();
  for (const auto& parameter : expected) {
    INFO(parameter.key());
    const auto gradient = [&](std::size_t r) {
      return apart[r]->named_parameters()[parameter.key()].grad() *
             (static_cast<double>(parts[r]->here.numel()) / rows);
    };
    CHECK(near(gradient(0) + gradient(1), parameter.value().grad()));
  }
  for (const auto& buffer : whole->named_buffers()) {
    INFO(buffer.key());
    CHECK(near(apart[0]->named_buffers()[buffer.key()], buffer.value()));
    CHECK(torch::equal(apart[0]->named_buffers()[buffer.key()],
                       apart[1]->named_buffers()[buffer.key()]));
  }
}

TEST_CASE("networks: a row of a shared batch gets the random numbers of the whole one",
          "[network]") {
  constexpr std::int64_t rows = 6;
  const TwoParts parts(rows);
  const c10::NoGradGuard no_grad;
  const auto detector = network("efficientnet-b4");
  detector->train();
  detector->to(torch::kDouble);
  const auto images = torch::randn({rows, 3, 64, 64}, torch::kDouble);
  const auto each_norm = [&](const auto& change) {
    for (const auto& module : detector->modules()) {
      if (auto* norm = dynamic_cast<BatchNormImpl*>(module.get())) change(*norm);
    }
  };
  // With the statistics of a new network the images would fade before they reach the head.
  each_norm([](BatchNormImpl& norm) { norm.options.momentum(1.0); });
  detector->forward(images);
  const auto at_rest = [&] { each_norm([](BatchNormImpl& norm) { norm.eval(); }); };
  at_rest();
  const auto judge = [&](const at::Tensor& some, std::uint64_t seed) {
    torch::manual_seed(seed);
    return detector->forward(some);
  };
  const auto apart = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
  };
  const auto whole = judge(images, 5);
  const double masks = apart(judge(images, 6), whole);  // what other masks change
  REQUIRE(masks > 1e-6 * whole.abs().max().item<double>());
  for (std::size_t r = 0; r < 2; ++r) {
    share_batches(*detector, {}, parts[r]);
    at_rest();  // which sharing ends
    const at::Tensor& here = parts[r]->here;
    CHECK(apart(judge(images.index_select(0, here), 5), whole.index_select(0, here)) <
          1e-6 * masks);
  }
}

TEST_CASE("networks: tensors have the names that published weights have", "[network]") {
  const auto has = [](const char* network_name, std::initializer_list<const char*> names) {
    const auto detector = network(network_name);
    const auto parameters = detector->named_parameters();
    const auto buffers = detector->named_buffers();
    for (const char* name : names) {
      INFO(network_name << " " << name);
      CHECK((parameters.contains(name) || buffers.contains(name)));
    }
  };
  has("resnet-18",
      {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
       "layer2.0.downsample.1.running_mean", "layer4.1.bn2.bias", "fc.weight"});
  has("xception", {"conv1.weight", "block1.rep.0.conv1.weight", "block1.rep.3.pointwise.weight",
                   "block2.rep.1.conv1.weight", "block2.skip.weight", "block2.skipbn.weight",
                   "block12.rep.4.pointwise.weight", "conv3.pointwise.weight", "bn4.bias"});
  has("efficientnet-b4",
      {"_conv_stem.weight", "_bn0.running_mean", "_blocks.0._depthwise_conv.weight",
       "_blocks.2._expand_conv.weight", "_blocks.31._se_reduce.bias", "_blocks.31._bn2.weight",
       "_conv_head.weight", "_bn1.weight", "_fc.bias"});
}

TEST_CASE("weights: loaded by name, with what is left named", "[weights]") {
  const TemporaryFolder folder;
  // A classifier of two outputs, from another program: TorchScript, with a wrapper's prefix.
  torch::jit::Module wrapped("Wrapper");
  torch::jit::Module inner("Inner");
  torch::jit::Module conv("Conv");
  const auto values = torch::randn({64, 3, 7, 7});
  conv.register_parameter("weight", values, false);
  inner.register_module("conv1", conv);
  torch::jit::Module fc("Fc");
  fc.register_parameter("weight", torch::randn({1000, 512}), false);
  inner.register_module("fc", fc);
  wrapped.register_module("module", inner);
  const fs::path file = folder.path() / "weights.pt";
  wrapped.save(file.string());
  const auto detector = network("resnet-18");
  const LoadedWeights loaded = load_weights(*detector, file);
  CHECK(loaded.copied == 1);
  CHECK(loaded.unfitting == std::vector<std::string>{"fc.weight"});
  CHECK(torch::equal(detector->named_parameters()["conv1.weight"], values));
  CHECK(mentions(to_text(loaded), "1 tensors loaded by name; 1 of another shape"));

  CHECK(mentions(message_of([&] { load_weights(*network("xception"), file); }), "conv1.weight"));
  CHECK(mentions(message_of([&] { load_weights(*detector, folder.path() / "no"); }),
                 "no such weights file"));
  testing::write_text(folder.path() / "text", "nothing");
  CHECK(mentions(message_of([&] { load_weights(*detector, folder.path() / "text"); }),
                 "torch.save(dict(state_dict), file)"));

  // A plain dict, as Python's torch.save writes it.
  c10::Dict<std::string, at::Tensor> dict;
  dict.insert("fc.bias", torch::full({1}, 7.0F));
  const auto pickled = torch::pickle_save(dict);
  testing::write_text(folder.path() / "dict.pth", {pickled.begin(), pickled.end()});
  CHECK(load_weights(*detector, folder.path() / "dict.pth").copied == 1);
  // As trainings wrap it: {"state_dict": {...}, "epoch": 3}.
  for (const char* name : {"state_dict", "model", "net"}) {
    c10::impl::GenericDict nested(c10::StringType::get(), c10::AnyType::get());
    c10::Dict<std::string, at::Tensor> state;
    state.insert("model.fc.bias", torch::full({1}, 5.0F));
    nested.insert(name, state);
    nested.insert("epoch", std::int64_t{3});
    const auto bytes = torch::pickle_save(nested);
    testing::write_text(folder.path() / "nested.pth", {bytes.begin(), bytes.end()});
    CHECK(load_weights(*network("resnet-18"), folder.path() / "nested.pth").copied == 1);
  }
  c10::impl::GenericDict numbers(c10::StringType::get(), c10::AnyType::get());
  numbers.insert("epoch", std::int64_t{3});
  const auto no_tensors = torch::pickle_save(numbers);
  testing::write_text(folder.path() / "numbers.pth", {no_tensors.begin(), no_tensors.end()});
  CHECK(mentions(message_of([&] { load_weights(*detector, folder.path() / "numbers.pth"); }),
                 "by itself or under \"state_dict\""));
  CHECK(detector->named_parameters()["fc.bias"].item<float>() == 7);
}

TEST_CASE("freezing: frozen parts keep weights and statistics, the rest trains", "[freeze]") {
  const TemporaryFolder folder;
  TrainOptions options = tiny_options("sam");
  options.freeze = {"stem", "stem_norm", "blocks.0"};
  options.epochs = 1;
  train(options, {.run = folder.path() / "frozen"});
  const auto trained = open_trained(folder.path() / "frozen", "last").detector;
  options.freeze.clear();
  TrainOptions none = options;
  none.schedule.lr = 1e-30;
  none.weight_decay = 0;
  none.schedule.warmup_steps = 0;
  train(none, {.run = folder.path() / "still"});
  const auto still = open_trained(folder.path() / "still", "last").detector;
  std::size_t same = 0, moved = 0;
  for (const auto& item : trained->named_parameters()) {
    const at::Tensor start = still->named_parameters()[item.key()];
    const bool equal = torch::allclose(item.value(), start, 0, 1e-20);
    const bool is_frozen = item.key().starts_with("stem") || item.key().starts_with("blocks.0.");
    CHECK(equal == is_frozen);
    ++(equal ? same : moved);
  }
  CHECK(same > 5);
  CHECK(moved > 20);
  const auto buffers = trained->named_buffers();
  CHECK(buffers["stem_norm.running_mean"].abs().max().item<float>() == 0);
  CHECK(buffers["blocks.1.norm1.running_mean"].abs().max().item<float>() > 0);
  const auto detector = network("residual-small");
  CHECK(mentions(message_of([&] { freeze(*detector, {"stam"}); }), "stem"));
  CHECK(mentions(message_of([&] {
                   freeze(*detector, {"stem", "stem_norm", "blocks", "classifier"});
                 }),
                 "nothing is left to train"));
}

/// A convolution, batch norm, and two logits; `define`d from source, as torch.jit.script makes it.
torch::jit::Module small_script(const std::string& training) {
  torch::manual_seed(3);
  torch::jit::Module norm("Norm");
  norm.register_parameter("weight", torch::ones({4}), false);
  norm.register_parameter("bias", torch::zeros({4}), false);
  norm.register_buffer("running_mean", torch::zeros({4}));
  norm.register_buffer("running_var", torch::ones({4}));
  norm.register_attribute("training", c10::BoolType::get(), true);
  norm.define(
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  return torch.batch_norm(x, self.weight, self.bias, self.running_mean, "
      "self.running_var, " +
      training + ", 0.1, 1e-5, False)\n");
  torch::jit::Module net("Net");
  net.register_parameter("kernel", torch::randn({4, 3, 3, 3}) * .2, false);
  net.register_parameter("weight", torch::randn({2, 4}), false);
  net.register_module("norm", norm);
  net.register_attribute("training", c10::BoolType::get(), true);
  net.define(
      "def features(self, x: Tensor) -> Tensor:\n"
      "  return self.norm.forward(torch.conv2d(x, self.kernel))\n"
      "def head(self, f: Tensor) -> Tensor:\n"
      "  return torch.matmul(torch.relu(f).mean([2, 3]), self.weight.t())\n"
      "def forward(self, x: Tensor) -> Tensor:\n"
      "  return self.head(self.features(x))\n");
  for (auto parameter : net.parameters()) parameter.set_requires_grad(true);
  return net;
}

TEST_CASE("TorchScript: trains, resumes and evaluates without the file it came from", "[script]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "backbone.ts.pt";
  small_script("self.training").save(file.string());
  TrainOptions options = tiny_options("roga");
  options.model.model = file.string();
  train(options, {.run = folder.path() / "whole"});
  train(options, {.run = folder.path() / "halves", .stop = testing::stop_after(2)});
  fs::remove(file);
  train(options, {.run = folder.path() / "halves", .resume = true});
  const auto whole = open_trained(folder.path() / "whole", "last");
  const auto halves = open_trained(folder.path() / "halves", "last");
  check_equal(tensors(*whole.detector), tensors(*halves.detector));
  CHECK(whole.detector->has_feature_maps());
  const auto buffers = whole.detector->named_buffers();
  CHECK(buffers["norm.running_mean"].abs().max().item<float>() > 0);
  const auto start = small_script("self.training");
  CHECK_FALSE(
      torch::equal(whole.detector->named_parameters()["kernel"], start.attr("kernel").toTensor()));
  // Two logits, real and fake: the difference is the logit of "fake".
  const auto images = torch::randn({3, 3, 32, 32});
  const auto logits = whole.detector->head(whole.detector->features(images));
  CHECK(logits.sizes() == at::IntArrayRef({3}));
}

TEST_CASE("TorchScript: what cannot be trained is refused", "[script]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "net.pt";
  // Traced in evaluation mode, batch norm has "training" written in as false.
  small_script("False").save(file.string());
  CHECK(mentions(message_of([&] { scripted(file, 32); }), "traced in evaluation mode"));
  torch::jit::Module empty("Empty");
  empty.define("def forward(self, x: Tensor) -> Tensor:\n  return x\n");
  empty.save(file.string());
  CHECK(mentions(message_of([&] { scripted(file, 32); }), "no parameter to train"));
  empty.register_parameter("w", torch::ones({1}), false);
  empty.save(file.string());
  CHECK(mentions(message_of([&] { scripted(file, 32); }), "logits [N], [N, 1] or [N, 2]"));
  testing::write_text(file, "nothing");
  CHECK(mentions(message_of([&] { scripted(file, 32); }), "not a TorchScript file"));
  ModelOptions options;
  options.model = (folder.path() / "none.pt").string();
  CHECK(mentions(message_of([&] { make_detector(options); }), "none.pt: no such model file"));
}

}  // namespace
}  // namespace deepfake
