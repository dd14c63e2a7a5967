// SPDX-License-Identifier: MIT
#include "training/learner.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "random/random.hpp"
#include "training/device.hpp"
#include "training/precision.hpp"
#include "training/run_checkpoint.hpp"

namespace deepfake {

Learner::Learner(const TrainOptions& options, const ModelOptions& model)
    : options_(options),
      device_(checked_device(options.device)),
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

Judge Learner::judge(std::size_t number) {
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

roga::LossClosure Learner::loss_of(const Batch& batch) {
  const at::Tensor input =
      outputs_ ? outputs_->of(batch.frames, batch.images) : batch.images.to(device_);
  return [this, input, labels = batch.labels.to(device_)] {
    detector_->zero_grad();
    const at::Tensor loss = [&] {
      const Autocast autocast(device_, type_);
      const at::Tensor logits =
          outputs_ ? detector_->after(kept_stages_, input) : detector_->forward(input);
      return detection_loss(logits.to(at::kFloat), labels);
    }();
    (scaler_ ? scaler_->scale(loss) : loss).backward();
    return loss;
  };
}

TimedStep Learner::step(const std::vector<Batch>& batches, std::int64_t number,
                        double learning_rate) {
  set_training_mode(*detector_, options_.freeze);
  std::vector<roga::LossClosure> losses;
  for (const Batch& batch : batches) losses.push_back(loss_of(batch));
  optimizer_->learning_rate(learning_rate);
  at::manual_seed(Random(options_.seed).fork("step", number).bits());

  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  TimedStep step{optimizer_->step(std::move(losses))};
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
