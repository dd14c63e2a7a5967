// SPDX-License-Identifier: MIT
// The processes that train one run together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <roga/cost.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace deepfake {

/// One of them, a rank, as it sees all. Rank 0 alone writes. Ranks meet: whatever one has met with
/// since the last meeting ends all of them there, with one line each, so nobody waits in vain. A
/// rank that dies, or stays away for longer than the limit, ends the others, too.
///
/// Of one process nothing is sent, and everything throws at once.
class Ranks {
 public:
  /// One process.
  Ranks() = default;
  /// @param steps for meetings and the optimizer's steps
  /// @param layers for what layers tell each other within a pass
  /// @param limit in words, for messages
  Ranks(std::shared_ptr<roga::Communicator> steps, std::shared_ptr<roga::Communicator> layers,
        std::string limit);

  std::size_t rank() const { return rank_; }
  std::size_t size() const { return size_; }
  bool is_first() const { return rank_ == 0; }
  bool are_several() const { return size_ > 1; }
  /// This rank's share of so many things, one after the other: from the first to before the second.
  std::pair<std::size_t, std::size_t> share_of(std::size_t count) const {
    return {rank_ * count / size_, (rank_ + 1) * count / size_};
  }
  /// For RoGAOptimizer::distribute().
  std::shared_ptr<roga::Communicator> steps() const { return steps_; }

  /// Runs @p work, and meets.
  /// @throws what the work threw, or std::runtime_error if another rank's did
  void together(const std::function<void()>& work);
  /// Runs @p work on rank 0. What it throws is thrown on all ranks by the next meeting.
  void on_first(const std::function<void()>& work);
  /// Runs @p work, which makes the same passes as on the other ranks, with add_up_in_pass().
  void in_step(const std::function<void()>& work);
  /// A meeting: whether one says so.
  bool any(bool mine);
  /// A meeting: the text of rank 0.
  std::string of_first(const std::string& text);
  /// A meeting: the texts of all.
  std::vector<std::string> of_all(const std::string& mine);
  /// A meeting: replaces the numbers by their sums.
  void add_up(std::span<double> numbers);

  /// Within a pass: replaces float64 numbers [n] on the host by their sums.
  void add_up_in_pass(const at::Tensor& numbers);
  /// Where a pass fails: the others, who may be waiting in it, learn of that.
  void leave_pass();

  /// "rank 1 of 4: " where there are several.
  std::string name() const;

 private:
  /// The others have failed or died, and it is for them to say why.
  class Lost;
  static bool is_lost(const std::exception_ptr& failure);

  double meet(double mine);
  [[noreturn]] void tell(std::size_t who);
  void spread(std::string& text, std::size_t from);
  void send(const std::shared_ptr<roga::Communicator>& group, const at::Tensor& numbers);

  std::shared_ptr<roga::Communicator> steps_;
  std::shared_ptr<roga::Communicator> layers_;
  std::string limit_;
  std::size_t rank_ = 0;
  std::size_t size_ = 1;
  std::exception_ptr failure_;  ///< since the last meeting
};

/// The ranks that torchrun or scripts/run_ranks.sh has started, by RANK, WORLD_SIZE, MASTER_ADDR
/// and MASTER_PORT; one process where these are not set.
/// @param seconds that a rank waits for the others at most
/// @throws std::runtime_error, one line: a variable that is missing or senseless, a program without
/// Gloo, others who do not come
Ranks join_ranks(int seconds);

}  // namespace deepfake
