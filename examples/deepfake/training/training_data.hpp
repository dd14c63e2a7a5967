// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "data/image_cache.hpp"
#include "metrics/evaluation.hpp"
#include "training/batch_pipeline.hpp"
#include "training/forger.hpp"
#include "training/model.hpp"
#include "training/ranks.hpp"
#include "training/sampler.hpp"
#include "training/scoring.hpp"
#include "training/training_set.hpp"

namespace deepfake {

/// What a run is fed with: batches to train on, frames to validate on. Each rank makes its share of
/// the pairs of every domain, and scores its share of the frames.
class TrainingData {
 public:
  /// @param ranks must outlive this
  /// @throws std::runtime_error as load_training_set, and if a rank would have no pairs
  TrainingData(const TrainOptions& options, Ranks& ranks, bool all_bytes = false);

  const TrainingSet& set() const { return set_; }
  const std::vector<std::string>& domains() const { return set_.domains; }
  std::int64_t steps_per_epoch() const;
  std::size_t images_per_step() const;

  /// This rank's part of one batch for each domain of the step, counted from 0 over all epochs.
  /// Steps are asked for in order, from any first one.
  std::vector<Batch> batches(std::int64_t step) { return pipeline_.next(step); }
  /// Scores every validation frame, with the other ranks: the same on all, in the index's order.
  /// @param judge of the validation set of a position; empty: the detector itself
  std::vector<FrameScore> validate(Detector& detector,
                                   const std::function<FrameJudge(std::size_t)>& judge = {});

  /// Some of the forgeries that are made, each with its kind.
  struct Example {
    std::string kind;
    Forged forged;
  };
  std::vector<Example> examples(std::size_t of_each_kind) const;
  /// Where their faces' outlines come from, in words; empty if none are made.
  std::string outlines_text() const;

  /// The domains with their sizes, in words.
  std::string domains_text() const;
  std::size_t val_frames() const;
  /// Whether the training images have no colour, by a sample.
  bool is_grey() const;
  /// Fake frames that go with a random real frame.
  std::size_t unpaired() const { return sampler_.unpaired(); }
  /// What the index lists and lacks, a line each.
  std::vector<std::string> faults() const;
  /// The broken images met so far, a line for each use.
  std::vector<std::string> broken_images() const;
  /// All of both, one by one.
  std::vector<LeftOut> left_out() const;
  /// Learns of the broken images that other ranks have met. A meeting.
  void gather_broken_images();

 private:
  std::vector<ImageCache*> caches();

  Ranks& ranks_;
  TrainingSet set_;
  PairSampler sampler_;
  ImageCache cache_;
  std::optional<Forger> forger_;
  BatchPipeline pipeline_;
  std::deque<ImageCache> val_caches_;
  std::deque<Forger> val_forgers_;
};

}  // namespace deepfake
