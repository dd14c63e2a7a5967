// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <roga/detail/protection.hpp>
#include <roga/detail/torch.hpp>
#include <roga/memory.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Leaves a base step whose later evaluation met a value that is not finite.
struct SkipStep {};

/// Undoes a base step that evaluates its closure several times. Other bases only start to change
/// anything when no closure can fail any more, so they need no copy.
class Rollback {
 public:
  Rollback(torch::optim::Optimizer& optimizer, Memory& memory, Protection& protection)
      : optimizer_(optimizer), memory_(memory), protection_(protection) {
    if (dynamic_cast<torch::optim::LBFGS*>(&optimizer) == nullptr) return;
    for (const auto& group : optimizer.param_groups()) {
      parameters_.insert(parameters_.end(), group.params().begin(), group.params().end());
    }
    memory_before_ = memory;
    protection_.begin(parameters_);
    before_ = protection_.now();
    for (const auto& parameter : parameters_) theta_.push_back(parameter.detach().clone());
    for (const auto& [key, state] : optimizer.state()) {
      auto copy = state->clone();
      // LBFGS replaces the other tensors of its state and writes into this one.
      auto& lbfgs = static_cast<torch::optim::LBFGSParamState&>(*copy);
      if (lbfgs.prev_flat_grad().defined()) lbfgs.prev_flat_grad(lbfgs.prev_flat_grad().clone());
      states_.emplace_back(key, std::move(copy));
    }
  }

  void apply() {
    c10::NoGradGuard no_grad;
    if (theta_.empty()) return;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      parameters_[i].copy_(theta_[i]);
      parameters_[i].mutable_grad() = at::Tensor();
    }
    optimizer_.state().clear();
    for (auto& [key, state] : states_) optimizer_.state()[key] = std::move(state);
    memory_ = std::move(memory_before_);
    protection_.go_back(before_);
  }

 private:
  using States = std::decay_t<decltype(std::declval<torch::optim::Optimizer&>().state())>;

  torch::optim::Optimizer& optimizer_;
  Memory& memory_;
  Protection& protection_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> theta_;
  std::vector<
      std::pair<typename States::key_type, std::unique_ptr<torch::optim::OptimizerParamState>>>
      states_;
  Memory memory_before_;
  Protection::Moment before_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
