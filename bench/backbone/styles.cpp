// SPDX-License-Identifier: MIT
// A backbone that has seen the world, tuned on emoji of three artists and tested on the fourth's:
// the last stage of dlib's ResNet-34, with ERM, SAM and RoGA. What the frozen stages make of each
// picture is worked out once. Writes a line of JSON for each training.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <chrono>
#include <CLI/CLI.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <roga/roga.hpp>

#include "generalization/emoji.hpp"
#include "networks/dlib_resnet34.hpp"
#include "networks/normalisation.hpp"
#include "training/pretrained.hpp"

namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& styles = generalization::emoji_styles();
constexpr std::size_t frozen = 4;  ///< the stem and three stages

struct Options {
  fs::path emoji = "out/emoji";
  fs::path weights = "out/backbones/resnet34_1000_imagenet_classifier.dnn";
  fs::path output = "styles.jsonl";
  std::vector<std::string> held_out = styles;
  std::vector<std::string> methods{"erm", "sam", "roga"};
  std::vector<std::uint64_t> seeds{0, 1, 2};
  std::string device = "cpu";
  int size = 64;  ///< pixels
  std::int64_t steps = 200, batch = 24;
  double lr = 1e-4, rho = 0.05, ema = 0.99;
};

/// What the frozen stages make of each style's pictures, [concepts, C, h, w], and the categories.
struct Outputs {
  std::map<std::string, at::Tensor> of_style;
  at::Tensor labels;
  std::int64_t categories = 0;
};

Outputs worked_out(const Options& options, deepfake::Detector& network, at::Device device) {
  const generalization::Emoji emoji = generalization::read_emoji(options.emoji, options.size);
  Outputs outputs{{}, emoji.labels.to(device), emoji.categories};
  const c10::NoGradGuard no_grad;
  for (const auto& [style, images] : emoji.of_style) {
    std::vector<at::Tensor> parts;
    for (const at::Tensor& some : images.split(64)) {
      parts.push_back(network.before(frozen, some.to(device)));
    }
    outputs.of_style[style] = at::cat(parts);
  }
  return outputs;
}

struct Part {
  std::string style;
  at::Tensor inputs, labels;
};

struct Split {
  std::vector<Part> train, validation;
  Part test;
};

Split split_of(const Outputs& outputs, const std::string& held_out, std::uint64_t seed) {
  const auto concepts = generalization::split_concepts(outputs.labels.size(0), seed);
  Split split;
  for (const std::string& style : styles) {
    const auto part = [&](const at::Tensor& some) {
      const at::Tensor rows = some.to(outputs.labels.device());
      return Part{style, outputs.of_style.at(style).index_select(0, rows),
                  outputs.labels.index_select(0, rows)};
    };
    if (style == held_out) {
      split.test = part(concepts.test);
    } else {
      split.train.push_back(part(concepts.train));
      split.validation.push_back(part(concepts.validation));
    }
  }
  return split;
}

/// The last stage and a head for the categories.
struct TunedImpl : torch::nn::Module {
  TunedImpl(std::shared_ptr<torch::nn::Module> last_stage, std::int64_t categories)
      : stage(register_module("stage", std::move(last_stage))),
        head(register_module("head", torch::nn::Linear(512, categories))) {}
  at::Tensor forward(const at::Tensor& x) {
    return head(stage->as<torch::nn::Sequential>()->forward(x).mean({2, 3}));
  }
  std::shared_ptr<torch::nn::Module> stage;
  torch::nn::Linear head;
};
TORCH_MODULE(Tuned);

double accuracy(Tuned& network, const Part& part) {
  const c10::NoGradGuard no_grad;
  double right = 0;
  for (std::int64_t begin = 0; begin < part.labels.size(0); begin += 256) {
    const std::int64_t end = std::min(begin + 256, part.labels.size(0));
    const at::Tensor best = network->forward(part.inputs.slice(0, begin, end)).argmax(1);
    right += best.eq(part.labels.slice(0, begin, end)).sum().item<double>();
  }
  return right / static_cast<double>(part.labels.size(0));
}

nlohmann::ordered_json judged(Tuned& network, const Split& split) {
  double validation = 0;
  for (const Part& part : split.validation) validation += accuracy(network, part);
  return {{"validation", validation / static_cast<double>(split.validation.size())},
          {"tests", {{split.test.style, accuracy(network, split.test)}}}};
}

template <class Recipe>
nlohmann::ordered_json trial(const Options& options, const Split& split, Tuned network,
                             std::uint64_t seed, Recipe recipe) {
  auto optimizer = roga::wrap<torch::optim::AdamW>(
      recipe, network->parameters(), torch::optim::AdamWOptions(options.lr).weight_decay(1e-2));
  roga::WeightAverage average(network, roga::ExponentialAverage{.decay = options.ema});
  auto generator = at::detail::createCPUGenerator(77 + seed);
  const auto factor = roga::learning_rates::warm_up_cosine({.warm_up = 20, .steps = options.steps});
  double loss = 0;
  const std::clock_t begin = std::clock();  // of this process: the machine may be busy
  const auto wall = std::chrono::steady_clock::now();
  for (std::int64_t step = 0; step < options.steps; ++step) {
    std::vector<roga::LossClosure> closures;
    for (const Part& part : split.train) {
      const at::Tensor rows =
          at::randint(part.labels.size(0), {options.batch}, generator, at::kLong)
              .to(part.labels.device());
      closures.emplace_back(
          [&network, x = part.inputs.index_select(0, rows), y = part.labels.index_select(0, rows)] {
            network->zero_grad();
            auto value = at::cross_entropy_loss(network->forward(x), y);
            value.backward();
            return value;
          });
    }
    roga::set_learning_rates(optimizer, {options.lr}, factor(step));
    const at::Tensor mean = optimizer.step(closures);
    if (step + 1 == options.steps) loss = mean.template item<double>();
    if (!optimizer.last_step().skipped()) average.update();
  }
  nlohmann::ordered_json line;
  line["raw"] = judged(network, split);
  {
    const auto in_use = average.use();
    line["averaged"] = judged(network, split);
  }
  line["loss"] = loss;
  line["core_seconds"] = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  line["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count();
  return line;
}

bool is_done(const fs::path& file, const nlohmann::ordered_json& key) {
  std::ifstream stream(file);
  for (std::string text; std::getline(stream, text);) {
    const auto line = nlohmann::ordered_json::parse(text, nullptr, false);
    if (line.is_discarded()) continue;
    bool same = true;
    for (const auto& [name, value] : key.items()) {
      same = same && line.contains(name) && line[name] == value;
    }
    if (same) return true;
  }
  return false;
}

void run(const Options& options) {
  const at::Device device(options.device);
  const auto network = deepfake::dlib_resnet34();
  deepfake::load_weights(*network, options.weights);
  network->normalise(*deepfake::normalisation_named("dlib"));
  network->eval();
  network->to(device);
  const auto begin = std::chrono::steady_clock::now();
  const Outputs outputs = worked_out(options, *network, device);
  std::cerr << "frozen stages: "
            << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()
            << " s, each picture " << outputs.of_style.begin()->second[0].sizes() << '\n';
  for (const std::uint64_t seed : options.seeds) {
    for (const std::string& style : options.held_out) {
      const Split split = split_of(outputs, style, seed);
      for (const std::string& method : options.methods) {
        nlohmann::ordered_json line{
            {"family", "styles"},     {"held_out", style},           {"seed", seed},
            {"method", method},       {"variant", "dlib-resnet-34"}, {"size", options.size},
            {"steps", options.steps}, {"batch", options.batch},      {"lr", options.lr},
            {"ema", options.ema}};
        if (method != "erm") line["rho"] = options.rho;
        if (is_done(options.output, line)) continue;
        // The stage as it was trained on ImageNet, and the same head for every method.
        const auto fresh = deepfake::dlib_resnet34();
        deepfake::load_weights(*fresh, options.weights);
        at::manual_seed(1000 + seed);
        Tuned tuned(fresh->named_modules()["stage4"], outputs.categories);
        tuned->to(device);
        const auto results =
            method == "erm" ? trial(options, split, tuned, seed, roga::recipes::erm())
            : method == "sam"
                ? trial(options, split, tuned, seed, roga::recipes::sam({.rho = options.rho}))
                : trial(options, split, tuned, seed, roga::recipes::roga({.rho = options.rho}));
        for (const auto& [name, value] : results.items()) line[name] = value;
        std::ofstream(options.output, std::ios::app) << line.dump() << '\n';
        std::cout << line.dump() << std::endl;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App program(
      "Tunes the last stage of dlib's ResNet-34 on emoji of three artists, and tests "
      "on the fourth's");
  program.option_defaults()->always_capture_default();
  program.add_option("--emoji", options.emoji, "folder of the pictures");
  program.add_option("--weights", options.weights, "what scripts/fetch_backbone.sh fetched");
  program.add_option("--output", options.output,
                     "file of results; what it holds is not done again");
  program.add_option("--held-out", options.held_out, "styles")->check(CLI::IsMember(styles));
  program.add_option("--methods", options.methods)->check(CLI::IsMember({"erm", "sam", "roga"}));
  program.add_option("--seeds", options.seeds);
  program.add_option("--device", options.device, "cpu or cuda");
  program.add_option("--size", options.size, "of the pictures")->check(CLI::Range(55, 512));
  program.add_option("--steps", options.steps)->check(CLI::PositiveNumber);
  program.add_option("--batch", options.batch, "of each style")->check(CLI::PositiveNumber);
  program.add_option("--lr", options.lr)->check(CLI::PositiveNumber);
  program.add_option("--rho", options.rho, "of SAM and RoGA")->check(CLI::NonNegativeNumber);
  program.add_option("--ema", options.ema, "decay of the average")->check(CLI::Range(0.0, 0.9999));
  CLI11_PARSE(program, argc, argv);
  at::set_num_threads(1);
  try {
    run(options);
  } catch (const c10::Error& error) {
    std::cerr << "backbone_styles: " << error.what_without_backtrace() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "backbone_styles: " << error.what() << '\n';
    return 1;
  }
}
