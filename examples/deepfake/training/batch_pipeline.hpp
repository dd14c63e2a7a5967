// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "training/batch.hpp"

namespace deepfake {

/// Decodes and augments the batches of the next steps while the network is busy with this one. A
/// batch depends on the step's number alone, so the number of workers changes no bit.
class BatchPipeline {
 public:
  using Share = std::pair<std::size_t, std::size_t>;

  /// @param sampler,cache must outlive the pipeline
  /// @param workers steps that are prepared at the same time, each in a thread of its own; 0: each
  /// step is prepared when it is asked for
  /// @param share of a domain's pairs that are wanted, from the first to before the second; all of
  /// them if not given
  BatchPipeline(const PairSampler& sampler, ImageCache& cache, AugmentOptions augment,
                std::size_t workers, std::optional<Share> share = {})
      : sampler_(sampler),
        cache_(cache),
        augment_(augment),
        workers_(workers),
        share_(share.value_or(Share(0, sampler.pairs_per_step()))) {}

  /// Takes the fakes that are made from @p forger, which must outlive the pipeline.
  void forge_with(const Forger* forger) { forger_ = forger; }

  /// One batch for each domain of the step, counted from 0 over all epochs. Steps are asked for in
  /// order, from any first one.
  std::vector<Batch> next(std::int64_t step);

 private:
  std::vector<Batch> make(std::int64_t step, const Epoch& epoch) const;
  std::shared_ptr<const Epoch> epoch_of(std::int64_t step);

  const PairSampler& sampler_;
  ImageCache& cache_;
  AugmentOptions augment_;
  std::size_t workers_;
  Share share_;
  const Forger* forger_ = nullptr;
  std::int64_t epoch_number_ = -1;
  std::shared_ptr<const Epoch> epoch_;
  std::int64_t first_ = 0;                             ///< step of the queue's front
  std::deque<std::future<std::vector<Batch>>> queue_;  ///< its threads are joined first
};

}  // namespace deepfake
