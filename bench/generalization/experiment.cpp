// SPDX-License-Identifier: MIT
#include "generalization/experiment.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/stack.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/any.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <roga/diagnostics/conflict.hpp>
#include <roga/diagnostics/sharpness.hpp>
#include <stdexcept>
#include <utility>

#include "generalization/compositions.hpp"
#include "metrics/metrics.hpp"
#include "training/arithmetic.hpp"
#include "training/augment.hpp"
#include "training/batch.hpp"
#include "training/model.hpp"
#include "training/schedule.hpp"

namespace generalization {
namespace {

namespace nn = torch::nn;

/// What follows a convolution. A norm draws no random numbers, so the other layers begin with the
/// same weights.
nn::AnyModule norm_layer(const std::string& norm, std::int64_t channels) {
  if (norm == "batch") return nn::AnyModule(nn::BatchNorm2d(channels));
  if (norm == "group") return nn::AnyModule(nn::GroupNorm(nn::GroupNormOptions(4, channels)));
  if (norm == "none") return nn::AnyModule(nn::Identity());
  throw std::runtime_error("norm must be none, batch or group, not " + norm);
}

/// Two convolutions, each followed by a norm if the options name one, and two linear layers:
/// 106,000 parameters for 28 pixels, 137,000 for 32.
class SmallNet : public deepfake::Detector {
 public:
  SmallNet(const Problem& problem, const std::string& norm)
      : conv1_(register_module("conv1",
                               nn::Conv2d(nn::Conv2dOptions(problem.channels, 16, 3).padding(1)))),
        conv2_(register_module("conv2", nn::Conv2d(nn::Conv2dOptions(16, 32, 3).padding(1)))),
        fc1_(register_module("fc1", nn::Linear(32 * (problem.side / 4) * (problem.side / 4), 64))),
        fc2_(register_module("fc2", nn::Linear(64, problem.classes))),
        norm1_(norm_layer(norm, 16)),
        norm2_(norm_layer(norm, 32)) {
    register_module("norm1", norm1_.ptr());
    register_module("norm2", norm2_.ptr());
  }
  at::Tensor features(const at::Tensor& images) override {
    const auto x = at::max_pool2d(norm1_.forward(conv1_(images)).relu(), 2);
    return at::max_pool2d(norm2_.forward(conv2_(x)).relu(), 2);
  }
  /// @return logits of the classes, [N, classes]
  at::Tensor head(const at::Tensor& features) override {
    return fc2_(fc1_(features.flatten(1)).relu());
  }

 private:
  nn::Conv2d conv1_, conv2_;
  nn::Linear fc1_, fc2_;
  nn::AnyModule norm1_, norm2_;
};

std::shared_ptr<deepfake::Detector> make_network(const Problem& problem,
                                                 const deepfake::ModelOptions& options) {
  if (problem.classes == 1) return deepfake::make_detector(options);
  return std::make_shared<SmallNet>(problem, options.norm);
}

at::Tensor loss_of(deepfake::Detector& net, const at::Tensor& images, const at::Tensor& labels) {
  const at::Tensor logits = net.forward(images);
  return labels.is_floating_point() ? deepfake::detection_loss(logits, labels)
                                    : at::cross_entropy_loss(logits, labels);
}

/// Accuracy, or the AUC of one logit.
double score(deepfake::Detector& net, const Domain& domain) {
  const c10::NoGradGuard no_grad;
  constexpr std::int64_t at_once = 256;  // whose activations fit into the cache
  std::vector<at::Tensor> parts;
  for (const at::Tensor& images : domain.images.split(at_once))
    parts.push_back(net.forward(images));
  const at::Tensor logits = at::cat(parts);
  if (!domain.labels.is_floating_point()) {
    return logits.argmax(1).eq(domain.labels).to(at::kDouble).mean().item<double>();
  }
  const at::Tensor scores = logits.to(at::kDouble), labels = domain.labels.to(at::kInt);
  const auto count = static_cast<std::size_t>(labels.size(0));
  return deepfake::auc({scores.data_ptr<double>(), count}, {labels.data_ptr<int>(), count});
}

double mean_score(deepfake::Detector& net, const std::vector<Domain>& domains) {
  double sum = 0;
  for (const Domain& domain : domains) sum += score(net, domain);
  return sum / static_cast<double>(domains.size());
}

double mean_loss(deepfake::Detector& net, const std::vector<Domain>& domains) {
  const c10::NoGradGuard no_grad;
  net.eval();
  double sum = 0;
  for (const Domain& domain : domains) {
    sum += loss_of(net, domain.images, domain.labels).item<double>();
  }
  net.train();
  return sum / static_cast<double>(domains.size());
}

/// Images [N, C, side, side], each moved by up to @p most pixels into a white margin.
at::Tensor shifted(const at::Tensor& images, std::int64_t most, const at::Generator& generator) {
  if (most == 0) return images;
  const at::Tensor wide = at::constant_pad_nd(images, {most, most, most, most}, 1);
  const at::Tensor offsets = at::randint(2 * most + 1, {images.size(0), 2}, generator, at::kLong);
  const auto offset = offsets.accessor<std::int64_t, 2>();
  std::vector<at::Tensor> moved;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    moved.push_back(
        wide[i].narrow(1, offset[i][0], images.size(2)).narrow(2, offset[i][1], images.size(3)));
  }
  return at::stack(moved);
}

/// Both of a pair changed alike at random.
at::Tensor augmented(const std::vector<cv::Mat>& pictures, const at::Tensor& rows,
                     const deepfake::AugmentOptions& options, const at::Generator& generator) {
  const at::Tensor keys = at::randint(std::numeric_limits<std::int64_t>::max(), {rows.size(0) / 2},
                                      generator, at::kLong);
  std::vector<cv::Mat> images;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const auto row = static_cast<std::size_t>(rows[i].item<std::int64_t>());
    const auto key = static_cast<std::uint64_t>(keys[i / 2].item<std::int64_t>());
    images.push_back(deepfake::augment(pictures[row], options, key));
  }
  return deepfake::to_tensor(images);
}

/// Positions of a batch's images; if they are pairs, one after the other.
at::Tensor drawn(const Domain& domain, bool in_pairs, std::int64_t batch,
                 const at::Generator& generator) {
  const std::int64_t all = domain.labels.size(0);
  if (!in_pairs) return at::randint(all, {batch}, generator, at::kLong);
  const at::Tensor first = at::randint(all / 2, {batch / 2}, generator, at::kLong);
  return at::stack({first, first + all / 2}, 1).flatten();
}

/// Domains' batches whose images, or pairs of images, are dealt out anew.
void shuffle_over_groups(std::vector<Domain>& batches, bool in_pairs,
                         const at::Generator& generator) {
  std::vector<at::Tensor> images, labels;
  for (const Domain& batch : batches) {
    images.push_back(batch.images);
    labels.push_back(batch.labels);
  }
  const at::Tensor all_images = at::cat(images), all_labels = at::cat(labels);
  at::Tensor order = at::randperm(all_labels.size(0) / (in_pairs ? 2 : 1), generator);
  if (in_pairs) order = at::stack({2 * order, 2 * order + 1}, 1).flatten();
  const auto parts = order.chunk(static_cast<std::int64_t>(batches.size()));
  for (std::size_t i = 0; i < batches.size(); ++i) {
    batches[i].images = all_images.index_select(0, parts[i]);
    batches[i].labels = all_labels.index_select(0, parts[i]);
  }
}

/// Scores of the present weights, and sharpness and agreement on about 300 images a domain.
nlohmann::ordered_json judged(deepfake::Detector& net, const Problem& problem,
                              const std::string& held_out) {
  nlohmann::ordered_json result;
  result["validation"] = mean_score(net, problem.validation);
  result["train"] = mean_score(net, problem.train);
  auto& tests = result["tests"];
  double sum = 0;
  int counted = 0;
  for (const Domain& domain : problem.tests) {
    const double of_test = score(net, domain);
    tests[domain.name] = of_test;
    if (domain.shifted) {
      sum += of_test;
      ++counted;
    }
  }
  // The mean, where several stand for what was left out.
  if (!tests.contains(held_out)) tests[held_out] = sum / counted;
  std::vector<roga::diagnostics::Loss> losses;
  for (const Domain& domain : problem.train) {
    constexpr std::int64_t most = 300;
    const std::int64_t count = domain.labels.size(0);
    // The first half of pairs is all real.
    const std::int64_t apart = problem.in_pairs ? std::max<std::int64_t>(1, count / most) : 1;
    const std::int64_t end = problem.in_pairs ? count : most;
    losses.emplace_back(
        [&net, images = domain.images.slice(0, 0, end, apart),
         labels = domain.labels.slice(0, 0, end, apart)] { return loss_of(net, images, labels); });
  }
  const auto sharpness = roga::diagnostics::sharpness(losses, net.parameters(), 0.05);
  double of_domains = 0;
  for (const double value : sharpness.of_domain) of_domains += value;
  result["sharpness_of_domains"] = of_domains / static_cast<double>(losses.size());
  result["sharpness_pooled"] = sharpness.pooled;
  result["agreement"] = roga::diagnostics::conflict(losses, net.parameters()).agreement;
  return result;
}

}  // namespace

std::string arithmetic() {
  const char* name = std::getenv("ATEN_CPU_CAPABILITY");  // NOLINT(concurrency-mt-unsafe)
  return name == nullptr ? "" : name;
}

nlohmann::ordered_json run_trial(const TrialOptions& options, const Variant& variant) {
  const Problem problem = make_problem(options.problem);
  at::manual_seed(1000 + options.problem.seed);
  const std::shared_ptr<deepfake::Detector> made = make_network(problem, variant.training.model);
  deepfake::Detector& net = *made;
  const auto optimizer = make_optimizer(variant, net);
  std::optional<roga::WeightAverage> average;
  if (variant.swad) {
    average.emplace(net, roga::DenseAverage{});
  } else if (variant.training.ema > 0) {
    average.emplace(net, roga::ExponentialAverage{.decay = variant.training.ema});
  }
  auto generator = at::detail::createCPUGenerator(77 + options.problem.seed);
  auto dealer = at::detail::createCPUGenerator(177 + options.problem.seed);
  const auto steps =
      static_cast<std::int64_t>(variant.more_steps * static_cast<double>(options.steps));
  const auto late = static_cast<std::int64_t>(variant.late_start * static_cast<double>(steps));
  double seconds = 0;
  double last_loss = 0;
  std::int64_t skipped = 0;
  optimizer->warm_up(late);
  if (!variant.ascent_layers.empty()) {
    std::vector<at::Tensor> layers;
    for (const auto& parameter : net.named_parameters()) {
      if (parameter.key().starts_with(variant.ascent_layers)) layers.push_back(parameter.value());
    }
    optimizer->ascend_only(layers);
  }
  const auto ascent_batch = static_cast<std::int64_t>(
      std::ceil(variant.ascent_share * static_cast<double>(options.batch)));
  for (std::int64_t step = 0; step < steps; ++step) {
    optimizer->learning_rate(
        deepfake::learning_rate(variant.training.schedule, step, steps, steps));
    std::vector<Domain> batches;
    for (const Domain& domain : problem.train) {
      const at::Tensor rows = drawn(domain, problem.in_pairs, options.batch, generator);
      const at::Tensor images =
          domain.pictures.empty()
              ? shifted(domain.images.index_select(0, rows), problem.shift, generator)
              : augmented(domain.pictures, rows, variant.training.augment, generator);
      batches.push_back({domain.name, images, domain.labels.index_select(0, rows)});
    }
    if (variant.random_groups) shuffle_over_groups(batches, problem.in_pairs, dealer);
    std::vector<roga::LossClosure> closures;
    for (const Domain& batch : batches) {
      // A domain's first call in a step is the one at the unmoved weights.
      closures.emplace_back(
          [&net, ascent_batch, moved = false, x = batch.images, y = batch.labels]() mutable {
            const std::int64_t count = std::exchange(moved, true) ? ascent_batch : x.size(0);
            net.zero_grad();
            auto loss = loss_of(net, x.narrow(0, 0, count), y.narrow(0, 0, count));
            loss.backward();
            return loss;
          });
    }
    const std::clock_t begin = std::clock();  // of this process: the machine may be busy
    const auto outcome = optimizer->step(std::move(closures));
    seconds += static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    skipped += outcome.skipped ? 1 : 0;
    last_loss = std::accumulate(outcome.losses.begin(), outcome.losses.end(), 0.0) /
                static_cast<double>(outcome.losses.size());
    if (average) average->update();
    constexpr std::int64_t between_looks = 20;
    if (variant.swad && (step + 1) % between_looks == 0) {
      average->observe(mean_loss(net, problem.validation));
    }
  }
  net.eval();

  nlohmann::ordered_json line;
  line["family"] = options.problem.family;
  line["held_out"] = options.problem.held_out;
  if (!options.problem.also_left_out.empty()) {
    line["also_left_out"] = options.problem.also_left_out;
  }
  line["label_noise"] = options.problem.label_noise;
  line["seed"] = options.problem.seed;
  line["arithmetic"] = arithmetic();
  line["machine"] = deepfake::arithmetic();
  line["method"] = variant.method;
  line["variant"] = variant.name;
  if (!variant.settings_of.empty()) line["settings_of"] = variant.settings_of;
  line["steps"] = steps;
  line["raw"] = judged(net, problem, options.problem.held_out);
  // SWAD whose window never began leaves the last weights, as its use() does.
  if (average) {
    const auto in_use = average->use();
    line["averaged"] = judged(net, problem, options.problem.held_out);
  }
  line["loss"] = last_loss;
  line["skipped"] = skipped;
  line["seconds_per_step"] = seconds / static_cast<double>(steps);
  return line;
}

}  // namespace generalization
