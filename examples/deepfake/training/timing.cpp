// SPDX-License-Identifier: MIT
#include "training/timing.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#include "training/batch.hpp"
#include "training/image_cache.hpp"
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
    auto optimizer = make_optimizer(options, *detector);
    contestants.push_back({std::move(detector), std::move(optimizer), {}});
  }
  const Epoch epoch = sampler.epoch(0);
  for (int round = 0; round <= rounds; ++round) {
    const std::size_t step = static_cast<std::size_t>(round) % sampler.steps_per_epoch();
    std::vector<Batch> batches;
    for (const auto& domain : epoch) {
      batches.push_back(
          make_batch(std::span(domain).subspan(step * pairs, pairs), cache, first.augment));
    }
    for (Contestant& contestant : contestants) {
      std::vector<roga::LossClosure> closures;
      for (const Batch& batch : batches) {
        closures.emplace_back([&contestant, &batch] {
          auto loss = detection_loss(contestant.detector->forward(batch.images), batch.labels);
          loss.backward();
          return loss;
        });
      }
      const auto begin = Clock::now();
      contestant.optimizer->step(std::move(closures));
      const std::chrono::duration<double> taken = Clock::now() - begin;
      if (round > 0) contestant.seconds.push_back(taken.count());
    }
  }
  std::vector<double> medians;
  for (const Contestant& contestant : contestants) medians.push_back(median(contestant.seconds));
  return medians;
}

}  // namespace deepfake
