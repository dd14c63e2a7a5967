// SPDX-License-Identifier: MIT
// Several processes, through LibTorch's own process groups. Not part of roga.hpp: only here are
// c10d's headers needed.
#pragma once

#include <roga/engine/communicator.hpp>
#include <roga/tensor/torch.hpp>

#if !__has_include(<torch/csrc/distributed/c10d/Types.hpp>)
#error "roga/distributed.hpp needs a LibTorch with c10d (USE_DISTRIBUTED); the rest of roga does not"
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
    TORCH_CHECK(group_, "roga: communicator() got an empty process group");
  }
  int rank() const override { return group_->getRank(); }
  int size() const override { return group_->getSize(); }
  std::function<void()> add_up(at::Tensor tensor) override {
    std::vector<at::Tensor> list{std::move(tensor)};
    auto work = group_->allreduce(list, c10d::AllreduceOptions());
    return [work = std::move(work), list = std::move(list)] { work->wait(); };
  }

 private:
  c10::intrusive_ptr<Group> group_;
};

}  // namespace detail

/// What `distribute` takes for a group, of a process group of LibTorch: Gloo, MPI, NCCL, UCC.
/// Nothing but its all-reduce is called, with sums of float32 and float64.
///
///     auto store = c10::make_intrusive<c10d::TCPStore>(address, options);
///     auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, gloo);
///     optimizer.distribute({.group = roga::communicator(group)});
///
/// Nobody else may use the group while a step runs. Its timeout is yours to choose: above the
/// slowest pass of a rank, and far below c10d's default of 30 minutes.
/// @param group a c10d::ProcessGroup, or what derives from c10d's ProcessGroup or Backend
/// @throws c10::Error if it is empty
template <class Group>
std::shared_ptr<Communicator> communicator(c10::intrusive_ptr<Group> group) {
  return std::make_shared<detail::ProcessGroupCommunicator<Group>>(std::move(group));
}

}  // namespace v1
}  // namespace roga
#endif
