// SPDX-License-Identifier: MIT
// Batches that are balanced over domains and classes: in every step each domain gives as many real
// frames as fakes, the fakes made from those very frames.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/index.hpp"

namespace deepfake {

/// A real frame and a fake of it; `key` seeds what happens to them at random.
struct SamplePair {
  FrameRef real;
  FrameRef fake;
  std::uint64_t key = 0;
  bool operator==(const SamplePair&) const = default;
};

/// The pairs of one epoch, [domain][position]. Step s takes positions s * pairs to
/// (s + 1) * pairs - 1 of every domain.
using Epoch = std::vector<std::vector<SamplePair>>;

/// Manipulations to train on: "all" of @p domains, "loo:NAME" without NAME, "single:NAME" only it.
/// @throws std::runtime_error for an unknown protocol or name, with the nearest known one
std::vector<std::string> protocol_domains(const std::string& protocol,
                                          const std::vector<std::string>& domains);

/// A pure function of the seed and the epoch's number: nothing needs to be stored for a run to
/// continue where it stopped.
class PairSampler {
 public:
  struct Options {
    std::size_t pairs = 8;            ///< per domain and step
    std::size_t steps_per_epoch = 0;  ///< 0: once through the largest domain
    std::uint64_t seed = 0;
  };

  /// @param index must outlive the sampler
  /// @throws std::runtime_error naming a domain without fakes, or if there are no reals
  PairSampler(const Index& index, std::vector<std::string> domains, const Options& options);

  const std::vector<std::string>& domains() const { return domains_; }
  std::size_t steps_per_epoch() const { return steps_; }
  std::size_t pairs_per_step() const { return options_.pairs; }
  /// Fake frames of each domain.
  std::vector<std::size_t> sizes() const;
  /// Fake frames without a real frame of the same number: they get a random real frame instead.
  std::size_t unpaired() const { return unpaired_; }

  /// Every pair once in random order, and again in another order until the epoch is full.
  Epoch epoch(std::uint64_t number) const;

 private:
  struct Candidate {
    FrameRef real;
    FrameRef fake;
    bool paired = false;
  };

  std::vector<std::string> domains_;
  Options options_;
  std::size_t steps_ = 0;
  std::size_t unpaired_ = 0;
  std::vector<std::vector<Candidate>> candidates_;  // by domain
  std::vector<FrameRef> reals_;
};

}  // namespace deepfake
