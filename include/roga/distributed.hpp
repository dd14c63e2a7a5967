// SPDX-License-Identifier: MIT
// Several processes, through LibTorch's own process groups. Not part of roga.hpp: only here are
// c10d's headers needed.
#pragma once

#include <roga/engine/communicator.hpp>
#include <roga/tensor/torch.hpp>

#if !__has_include(<torch/csrc/distributed/c10d/Types.hpp>)
#error \
    "roga/distributed.hpp needs a LibTorch with c10d (USE_DISTRIBUTED); the rest of roga does not"
#else
#include <torch/csrc/distributed/c10d/Types.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// @tparam Group c10d::ProcessGroup, c10d::Backend, or a class that derives from one
template <class Group>
class ProcessGroupCommunicator final : public Communicator {
 public:
  explicit ProcessGroupCommunicator(c10::intrusive_ptr<Group> group) : group_(std::move(group)) {
    TORCH_CHECK(group_, "roga: communicator() got an empty process group; create it first");
  }
  int rank() const override { return group().getRank(); }
  int size() const override { return group().getSize(); }
  std::function<void()> add_up(at::Tensor tensor) override {
    std::vector<at::Tensor> list{std::move(tensor)};
    auto work = group().allreduce(list, c10d::AllreduceOptions());
    ++*under_way_;
    return [work = std::move(work), list = std::move(list), under_way = under_way_] {
      --*under_way;
      work->wait();
    };
  }
  /// Releasing the group's last owner closes its connections, and would wait for sums under way.
  void leave() override {
    if (*under_way_ == 0) group_ = {};
  }

 private:
  Group& group() const {
    TORCH_CHECK(group_,
                "roga: this communicator's process group has failed; make a new group, and call "
                "distribute() with it");
    return *group_;
  }

  c10::intrusive_ptr<Group> group_;
  std::shared_ptr<int> under_way_ = std::make_shared<int>(0);  ///< sums
};

}  // namespace detail

/// Makes the group that `distribute` takes from a process group of LibTorch: Gloo, MPI, NCCL, UCC.
/// Only its all-reduce is called, with sums of float32 and float64.
///
///     auto store = c10::make_intrusive<c10d::TCPStore>(address, options);
///     auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, gloo);
///     optimizer.distribute({.group = roga::communicator(std::move(group))});
///
/// Give the group away with std::move. If a rank dies, the others learn of it when their neighbours
/// release the group; a pointer of your own would keep it alive. Do not use the group otherwise
/// while a step runs. Choose its timeout above the slowest pass of a rank, and far below c10d's
/// default of 30 minutes.
/// @param group a c10d::ProcessGroup, or what derives from c10d's ProcessGroup or Backend
/// @throws c10::Error if it is empty
template <class Group>
std::shared_ptr<Communicator> communicator(c10::intrusive_ptr<Group> group) {
  return std::make_shared<detail::ProcessGroupCommunicator<Group> >(std::move(group));
}

}  // namespace v1
}  // namespace roga
#endif
