// SPDX-License-Identifier: MIT
// How several processes make one step together: the user's choices, and the engine's interface to
// the network.
#pragma once

#include <functional>
#include <memory>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {

/// A group of processes that add numbers up. roga::communicator(process_group), in
/// <roga/distributed.hpp>, makes one of a c10d process group.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  /// The number of this process, in [0, size()).
  virtual int rank() const = 0;
  /// How many processes there are.
  virtual int size() const = 0;
  /// Begins to replace a tensor by its sum over the ranks, which has the same bits on all of them.
  /// Calls come in the same order on all ranks; several sums may be on their way at once.
  /// @param tensor [n], contiguous, float32 or float64
  /// @return a function that waits for the sum, and throws if the group failed
  virtual std::function<void()> add_up(at::Tensor tensor) = 0;
  /// After a sum has failed: releases the group, so that ranks that wait for this one learn of it.
  /// No sums follow.
  virtual void leave() {}
};

/// Which data a rank has.
enum class Placement : unsigned char {
  shards,   ///< a part of each domain's minibatch
  domains,  ///< whole domains: each is on one rank
};

/// By which gradient a rank ascends.
enum class Ascent : unsigned char {
  global,  ///< by that of all ranks: the step of one process over all data
  local,   ///< by its own (m-sharpness); the direction is that of all ranks
};

/// How the ranks share the steps of an optimizer: see RoGAOptimizer::distribute().
struct Distribution {
  std::shared_ptr<Communicator> group = nullptr;  ///< who takes part
  Placement placement = Placement::shards;        ///< the same on all ranks
  Ascent ascent = Ascent::global;                 ///< the same on all ranks
  /// Weight of this rank's data in the loss of a domain that several ranks have, >= 0. Where these
  /// have different numbers of samples, give that number.
  double weight = 1.0;
};

}  // namespace v1
}  // namespace roga
