// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/any_optimizer.hpp>
#include <roga/engine/gradient_slots.hpp>
#include <roga/engine/protection.hpp>
#include <roga/engine/state.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Thrown to leave a base step in which an evaluation met a value that is not finite.
struct SkipStep {};

/// Whether a base evaluates its closure once and before it changes anything, as LibTorch's
/// first-order optimizers do.
template <class Base>
bool evaluates_first_and_once(const Base& optimizer) {
  namespace optim = torch::optim;
  auto is_one_of = [&]<class... Known>() {
    if constexpr (std::is_same_v<Base, AnyOptimizer>) {
      return (optimizer.template holds_exactly<Known>() || ...);
    } else {
      return (std::is_same_v<Base, Known> || ...);
    }
  };
  return is_one_of
      .template operator()<optim::SGD, optim::Adam, optim::AdamW, optim::Adagrad, optim::RMSprop>();
}

/// Undoes a base step that fails after the base has changed something, from a copy of the weights
/// and of the base's state. Bases that evaluate first and once need none.
class Rollback {
 public:
  Rollback(torch::optim::Optimizer& optimizer, State& state, GradientSlots& gradients,
           Protection& protection)
      : optimizer_(optimizer), state_(state), gradients_(gradients), protection_(protection) {
    for (auto& parameter : parameters_of(optimizer.param_groups())) {
      const bool moves = parameter.requires_grad() || parameter.grad().defined();
      if (moves) parameters_.push_back(std::move(parameter));
    }
    state_before_ = state;
    before_ = protection_.now();
    for (const auto& parameter : parameters_) theta_.push_back(parameter.detach().clone());
    try {
      for (const auto& [key, of_parameter] : optimizer.state()) {
        auto copy = of_parameter->clone();
        // LBFGS replaces the other tensors of its state and writes into this one.
        if (auto* lbfgs = dynamic_cast<torch::optim::LBFGSParamState*>(copy.get())) {
          if (lbfgs->prev_flat_grad().defined()) {
            lbfgs->prev_flat_grad(lbfgs->prev_flat_grad().clone());
          }
        }
        states_.emplace_back(key, std::move(copy));
      }
    } catch (const c10::Error&) {  // a state of the user's own that has no clone()
      states_known_ = false;
    }
  }

  /// Puts back all that it can, then throws the first failure.
  void apply() {
    const c10::NoGradGuard no_grad;
    AllOfThem all;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      all.attempt([&] { parameters_[i].copy_(theta_[i]); });
    }
    forget_casts();
    all.attempt([&] { gradients_.clear(); });
    if (states_known_) {
      optimizer_.state().clear();
      for (auto& [key, state] : states_) optimizer_.state()[key] = std::move(state);
    }
    state_ = std::move(state_before_);
    all.attempt([&] { protection_.go_back(before_); });
    all.finish();
  }
  /// The same while an exception propagates, which a failure here must not replace.
  void give_up() noexcept {
    try {
      apply();
    } catch (...) {  // NOLINT: the first one says more
    }
  }

 private:
  using States = std::decay_t<decltype(std::declval<torch::optim::Optimizer&>().state())>;

  torch::optim::Optimizer& optimizer_;
  State& state_;
  GradientSlots& gradients_;
  Protection& protection_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> theta_;
  std::vector<
      std::pair<typename States::key_type, std::unique_ptr<torch::optim::OptimizerParamState>>>
      states_;
  bool states_known_ = true;
  State state_before_;
  Protection::Moment before_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
