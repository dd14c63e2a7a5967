// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <roga/loss_scaler.hpp>
#include <roga/weight_average.hpp>
#include <vector>

#include "training/batch.hpp"
#include "training/frozen_stages.hpp"
#include "training/methods.hpp"
#include "training/model.hpp"
#include "training/pretrained.hpp"
#include "training/ranks.hpp"
#include "training/scoring.hpp"

namespace deepfake {

struct TimedStep {
  StepOutcome outcome;
  double seconds = 0;  ///< in the optimizer's step
};

/// What a run trains: the network, the optimizer over it, and the average of its weights.
class Learner {
 public:
  /// Random weights from the run's seed.
  /// @param options,ranks must outlive the learner
  /// @param model options.model, or the file that a run keeps of it
  Learner(const TrainOptions& options, const ModelOptions& model, Ranks& ranks);

  const Detector& detector() const { return *detector_; }

  /// Puts a file's tensors in the place of those with the same names.
  LoadedWeights begin_with(const std::filesystem::path& weights);

  /// Gives all ranks what rank 0 has become: weights, optimizer, average. From then on they make
  /// each step together.
  void join();

  /// @param batches this rank's part of one for each domain
  /// @param number of the step, from 0
  TimedStep step(const std::vector<Batch>& batches, std::int64_t number, double learning_rate);

  /// Calls @p use while the detector has the weights that the run keeps: the average, if there is
  /// one.
  void with_kept_weights(const std::function<void(Detector&)>& use);

  /// Judges the frames of a validation set, from kept outputs of frozen stages if the options say
  /// so.
  /// @param number of the set
  FrameJudge judge(std::size_t number);
  /// First stages whose outputs are kept.
  std::size_t kept_stages() const { return kept_stages_; }

  /// Writes what a run continues from.
  void save(const std::filesystem::path& file, const nlohmann::ordered_json& state) const;
  /// Writes the detector alone, with the weights that it has now.
  void save_detector(const std::filesystem::path& file, const nlohmann::ordered_json& state) const;
  /// Reads a file of save(). @return the state
  nlohmann::ordered_json load(const std::filesystem::path& file);

 private:
  roga::LossClosure loss_of(const Batch& batch);
  std::shared_ptr<const SharedBatch> shared_batch();
  void keep_outputs();

  const TrainOptions& options_;
  Ranks& ranks_;
  at::Device device_;
  at::ScalarType type_;  ///< of the passes
  std::shared_ptr<Detector> detector_;
  std::unique_ptr<MethodOptimizer> optimizer_;
  std::optional<roga::LossScaler> scaler_;
  std::optional<roga::WeightAverage> average_;
  std::size_t kept_stages_ = 0;
  std::optional<FrozenOutputs> outputs_;          ///< of training frames
  std::deque<FrozenOutputs> validation_outputs_;  ///< by validation set
};

}  // namespace deepfake
