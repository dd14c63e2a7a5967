// SPDX-License-Identifier: MIT
#include "training/learner.hpp"

#include <chrono>
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
  freeze(*detector_, options.freeze);
  detector_->to(device_);
  optimizer_ = make_optimizer(options, *detector_);
  if (type_ == at::kHalf) {
    scaler_.emplace();
    optimizer_->attach(*scaler_);
  }
  if (options.ema > 0) average_.emplace(detector_, roga::ExponentialAverage{.decay = options.ema});
}

LoadedWeights Learner::begin_with(const std::filesystem::path& weights) {
  LoadedWeights loaded = load_weights(*detector_, weights);
  if (average_) average_.emplace(detector_, roga::ExponentialAverage{.decay = options_.ema});
  return loaded;
}

roga::LossClosure Learner::loss_of(const Batch& batch) {
  return [this, images = batch.images.to(device_), labels = batch.labels.to(device_)] {
    detector_->zero_grad();
    const at::Tensor loss = [&] {
      const Autocast autocast(device_, type_);
      return detection_loss(detector_->forward(images).to(at::kFloat), labels);
    }();
    (scaler_ ? scaler_->scale(loss) : loss).backward();
    return loss;
  };
}

TimedStep Learner::step(const std::vector<Batch>& batches, std::int64_t number,
                        double learning_rate) {
  std::vector<roga::LossClosure> losses;
  for (const Batch& batch : batches) losses.push_back(loss_of(batch));
  optimizer_->learning_rate(learning_rate);
  at::manual_seed(Random(options_.seed).fork("step", number).bits());
  set_training_mode(*detector_, options_.freeze);

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
