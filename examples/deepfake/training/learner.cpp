// SPDX-License-Identifier: MIT
#include "training/learner.hpp"

#include <ATen/ops/tensor.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "networks/shared_batch.hpp"
#include "random/random.hpp"
#include "training/device.hpp"
#include "training/precision.hpp"
#include "training/run_checkpoint.hpp"

namespace deepfake {

Learner::Learner(const TrainOptions& options, const ModelOptions& model, Ranks& ranks)
    : options_(options),
      ranks_(ranks),
      device_(
          checked_device(ranks.are_several() ? device_of_rank(options.device) : options.device)),
      type_(scalar_type(options.precision)) {
  at::manual_seed(Random(options.seed).fork("weights").bits());
  detector_ = make_detector(model);
  choose_trained(*detector_, options.train_only, options.freeze);
  detector_->to(device_);
  if (options.cache_frozen) keep_outputs();
  optimizer_ = make_optimizer(options, *detector_);
  if (type_ == at::kHalf) {
    scaler_.emplace();
    optimizer_->attach(*scaler_);
  }
  if (options.ema > 0) average_.emplace(detector_, roga::ExponentialAverage{.decay = options.ema});
}

void Learner::keep_outputs() {
  kept_stages_ = frozen_stages(*detector_, options_.model.size);
  if (kept_stages_ == 0) {
    throw std::runtime_error(
        "option cache-frozen finds no first stage that stays the same: --freeze the first stages, "
        "or train the last ones with --train-only; of a TorchScript file the stage is its method "
        "features");
  }
  outputs_.emplace(*detector_, kept_stages_, type_,
                   static_cast<std::size_t>(options_.cache_mb) << 20U);
}

FrameJudge Learner::judge(std::size_t number) {
  if (!outputs_) return {};
  while (validation_outputs_.size() <= number) {
    validation_outputs_.emplace_back(*detector_, kept_stages_, at::kFloat,
                                     static_cast<std::size_t>(options_.cache_mb) << 18U);
  }
  return [this, number](const at::Tensor& images, std::span<const FrameRef> frames) {
    return detector_->after(kept_stages_, validation_outputs_[number].of(frames, images));
  };
}

LoadedWeights Learner::begin_with(const std::filesystem::path& weights) {
  LoadedWeights loaded = load_weights(*detector_, weights);
  if (average_) average_.emplace(detector_, roga::ExponentialAverage{.decay = options_.ema});
  return loaded;
}

std::shared_ptr<const SharedBatch> Learner::shared_batch() {
  // Real frames, then their fakes in the same order: a rank has the same part of both.
  const auto pairs = static_cast<std::size_t>(options_.pairs);
  const auto [begin, end] = ranks_.share_of(pairs);
  std::vector<std::int64_t> here;
  for (const std::size_t first : {std::size_t{0}, pairs}) {
    for (std::size_t i = first + begin; i < first + end; ++i) {
      here.push_back(static_cast<std::int64_t>(i));
    }
  }
  return std::make_shared<const SharedBatch>(
      SharedBatch{.processes = static_cast<std::int64_t>(ranks_.size()),
                  .process = static_cast<std::int64_t>(ranks_.rank()),
                  .rows = static_cast<std::int64_t>(2 * pairs),
                  .here = at::tensor(here, at::kLong),
                  .add_up = [this](const at::Tensor& numbers) { ranks_.add_up_in_pass(numbers); }});
}

void Learner::join() {
  if (!ranks_.are_several()) return;
  const auto batch = shared_batch();
  ranks_.together([&] { share_batches(*detector_, options_.freeze, batch); });
  optimizer_->distribute({.group = ranks_.steps(),
                          .placement = roga::Placement::shards,
                          .weight = static_cast<double>(batch->here.numel())});
  // What distribute() does not know of.
  std::string rest;
  ranks_.on_first(
      [&] { rest = saved_beside_optimizer(*detector_, average_ ? &*average_ : nullptr); });
  rest = ranks_.of_first(rest);
  ranks_.together([&] {
    if (ranks_.is_first()) return;
    load_beside_optimizer(rest, *detector_, average_ ? &*average_ : nullptr);
  });
}

roga::LossClosure Learner::loss_of(const Batch& batch) {
  return [this, images = batch.images, frames = batch.frames, labels = batch.labels.to(device_),
          input = at::Tensor()]() mutable {
    try {
      if (!input.defined()) input = outputs_ ? outputs_->of(frames, images) : images.to(device_);
      detector_->zero_grad();
      const at::Tensor loss = [&] {
        const Autocast autocast(device_, type_);
        const at::Tensor logits =
            outputs_ ? detector_->after(kept_stages_, input) : detector_->forward(input);
        return detection_loss(logits.to(at::kFloat), labels);
      }();
      (scaler_ ? scaler_->scale(loss) : loss).backward();
      return loss;
    } catch (...) {  // NOLINT: for the others, who may be waiting in a layer
      ranks_.leave_pass();
      throw;
    }
  };
}

TimedStep Learner::step(const std::vector<Batch>& batches, std::int64_t number,
                        double learning_rate) {
  set_training_mode(*detector_, options_.freeze);
  std::vector<roga::LossClosure> losses;
  for (const Batch& batch : batches) losses.push_back(loss_of(batch));
  optimizer_->learning_rate(learning_rate);
  Random random = Random(options_.seed).fork("step", number);
  // Layers of ours draw for the whole batch, those of a file for the rows that they see.
  const bool draws_apart = is_model_file(options_.model.model) && !ranks_.is_first();
  if (draws_apart) random = random.fork("rank", ranks_.rank());
  at::manual_seed(random.bits());

  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  TimedStep step;
  ranks_.in_step([&] { step.outcome = optimizer_->step(std::move(losses)); });
  step.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (average_ && !step.outcome.skipped) average_->update();
  return step;
}

void Learner::with_kept_weights(const std::function<void(Detector&)>& use) {
  std::optional<roga::WeightAverage::InUse> in_use;
  if (average_) in_use.emplace(average_->use());
  use(*detector_);
}

void Learner::save(const std::filesystem::path& file, const nlohmann::ordered_json& state) const {
  save_run_checkpoint(file, *detector_, &optimizer_->optimizer(), average_ ? &*average_ : nullptr,
                      state);
}

void Learner::save_detector(const std::filesystem::path& file,
                            const nlohmann::ordered_json& state) const {
  save_run_checkpoint(file, *detector_, nullptr, nullptr, state);
}

nlohmann::ordered_json Learner::load(const std::filesystem::path& file) {
  return load_run_checkpoint(file, *detector_, &optimizer_->optimizer(),
                             average_ ? &*average_ : nullptr);
}

}  // namespace deepfake
