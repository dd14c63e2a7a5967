// SPDX-License-Identifier: MIT
#include "training/timing.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "text/table.hpp"
#include "training/batch_pipeline.hpp"
#include "training/methods.hpp"
#include "training/model.hpp"
#include "training/sampler.hpp"
#include "training/training_set.hpp"

namespace deepfake {
namespace {

struct Contestant {
  std::shared_ptr<Detector> detector;
  std::unique_ptr<MethodOptimizer> optimizer;
  std::vector<double> seconds;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

namespace {

/// A step of @p optimizer over @p batches.
void take_step(MethodOptimizer& optimizer, Detector& detector, const std::vector<Batch>& batches) {
  std::vector<roga::LossClosure> closures;
  for (const Batch& batch : batches) {
    closures.emplace_back([&detector, &batch] {
      auto loss = detection_loss(detector.forward(batch.images), batch.labels);
      loss.backward();
      return loss;
    });
  }
  optimizer.step(std::move(closures));
}

}  // namespace

std::vector<double> step_seconds(std::span<const TrainOptions> methods, int rounds) {
  using Clock = std::chrono::steady_clock;
  const TrainOptions& first = methods.front();
  const TrainingSet set = load_training_set(first);
  const auto pairs = static_cast<std::size_t>(first.pairs);
  const PairSampler sampler(set.train, set.domains, {.pairs = pairs, .seed = first.seed});
  ImageCache cache(set.train, first.model.size);
  std::vector<Contestant> contestants;
  for (const TrainOptions& options : methods) {
    auto detector = make_detector(options.model);
    choose_trained(*detector, options.train_only, options.freeze);
    auto optimizer = make_optimizer(options, *detector);
    contestants.push_back({std::move(detector), std::move(optimizer), {}});
  }
  const Forger forger(set.train, cache, first.pseudo_region);
  const Epoch epoch = sampler.epoch(0);
  for (int round = 0; round <= rounds; ++round) {
    const std::size_t step = static_cast<std::size_t>(round) % sampler.steps_per_epoch();
    std::vector<Batch> batches;
    for (const auto& domain : epoch) {
      batches.push_back(make_batch(std::span(domain).subspan(step * pairs, pairs), cache,
                                   first.augment, &forger));
    }
    for (Contestant& contestant : contestants) {
      const auto begin = Clock::now();
      take_step(*contestant.optimizer, *contestant.detector, batches);
      const std::chrono::duration<double> taken = Clock::now() - begin;
      if (round > 0) contestant.seconds.push_back(taken.count());
    }
  }
  std::vector<double> medians;
  for (const Contestant& contestant : contestants) medians.push_back(median(contestant.seconds));
  return medians;
}

Throughput profile(const TrainOptions& given, int steps) {
  using Clock = std::chrono::steady_clock;
  const TrainOptions options = with_defaults(given);
  at::set_num_threads(options.threads);
  const TrainingSet set = load_training_set(options);
  const auto pairs = static_cast<std::size_t>(options.pairs);
  const PairSampler sampler(set.train, set.domains, {.pairs = pairs, .seed = options.seed});
  const auto images = static_cast<double>(2 * pairs * set.domains.size()) * steps;
  const auto rate = [&](auto&& step) {
    step(0);
    const auto begin = Clock::now();
    for (int i = 0; i < steps; ++i) step(i);
    return images / std::chrono::duration<double>(Clock::now() - begin).count();
  };
  const auto pipeline = [&](ImageCache& cache) {
    const Forger forger(set.train, cache, options.pseudo_region);
    BatchPipeline batches(sampler, cache, options.augment, 0);
    batches.forge_with(&forger);
    return rate([&](int step) { batches.next(step); });
  };
  ImageCache none(set.train, options.model.size, 0);
  ImageCache all(set.train, options.model.size);
  Throughput result;
  result.images = static_cast<std::int64_t>(images);
  result.decoding = pipeline(none);
  pipeline(all);
  result.cached = pipeline(all);

  at::manual_seed(options.seed);
  const auto detector = make_detector(options.model);
  choose_trained(*detector, options.train_only, options.freeze);
  const auto optimizer = make_optimizer(options, *detector);
  const Forger forger(set.train, all, options.pseudo_region);
  BatchPipeline first(sampler, all, options.augment, 0);
  first.forge_with(&forger);
  const std::vector<Batch> batches = first.next(0);
  result.network = rate([&](int) { take_step(*optimizer, *detector, batches); });
  return result;
}

std::string to_text(const Throughput& throughput) {
  const auto line = [&](const char* what, double rate) {
    return std::string(what) + fixed(rate, 0) + " img/s\n";
  };
  return line("images from disk, augmented, in batches:   ", throughput.decoding) +
         line("images from memory, augmented, in batches: ", throughput.cached) +
         line("steps of the network alone:                ", throughput.network) + "from disk " +
         fixed(throughput.decoding / throughput.network, 1) +
         " times what the network takes; measured over " + std::to_string(throughput.images) +
         " images\n";
}

}  // namespace deepfake
