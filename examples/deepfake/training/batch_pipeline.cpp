// SPDX-License-Identifier: MIT
#include "training/batch_pipeline.hpp"

#include <span>

namespace deepfake {

std::vector<Batch> BatchPipeline::make(std::int64_t step, const Epoch& epoch) const {
  const std::size_t pairs = sampler_.pairs_per_step();
  const std::size_t position = static_cast<std::size_t>(step) % sampler_.steps_per_epoch() * pairs;
  std::vector<Batch> batches;
  for (const auto& domain : epoch) {
    const auto here =
        std::span(domain).subspan(position + share_.first, share_.second - share_.first);
    batches.push_back(make_batch(here, cache_, augment_, forger_));
  }
  return batches;
}

std::shared_ptr<const Epoch> BatchPipeline::epoch_of(std::int64_t step) {
  const auto number = step / static_cast<std::int64_t>(sampler_.steps_per_epoch());
  if (number != epoch_number_) {
    epoch_number_ = number;
    epoch_ = std::make_shared<const Epoch>(sampler_.epoch(static_cast<std::uint64_t>(number)));
  }
  return epoch_;
}

std::vector<Batch> BatchPipeline::next(std::int64_t step) {
  if (workers_ == 0) return make(step, *epoch_of(step));
  if (queue_.empty() || first_ != step) {
    queue_.clear();
    first_ = step;
  }
  while (queue_.size() <= workers_) {
    const std::int64_t ahead = first_ + static_cast<std::int64_t>(queue_.size());
    queue_.push_back(std::async(std::launch::async, [this, ahead, epoch = epoch_of(ahead)] {
      return make(ahead, *epoch);
    }));
  }
  auto batches = queue_.front().get();
  queue_.pop_front();
  ++first_;
  return batches;
}

}  // namespace deepfake
