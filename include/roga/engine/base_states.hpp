// SPDX-License-Identifier: MIT
// The states and options of a base optimizer, replaced as a whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <roga/engine/any_optimizer.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

using ParameterGroups = std::vector<torch::optim::OptimizerParamGroup>;

/// The options of the groups, to be replaced as a whole.
using GroupOptions = std::vector<std::unique_ptr<torch::optim::OptimizerOptions>>;
inline GroupOptions copied_options(const ParameterGroups& groups) {
  GroupOptions options;
  for (const auto& group : groups) {
    options.push_back(group.has_options() ? group.options().clone() : nullptr);
  }
  return options;
}
inline void replace_options(ParameterGroups& groups, GroupOptions options) {
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i].set_options(std::move(options[i]));
}

inline void check_tensor(const at::Tensor& tensor, at::IntArrayRef shape, bool optional) {
  if (optional && !tensor.defined()) return;
  TORCH_CHECK(tensor.defined(), "roga: the checkpoint is damaged: a state lacks a tensor");
  TORCH_CHECK(tensor.sizes() == shape, "roga: the checkpoint has a state of shape ", tensor.sizes(),
              " for a parameter of shape ", shape);
}

/// Checks one parameter's state, if its class is LibTorch's.
inline void check_state(torch::optim::OptimizerParamState& state, const at::Tensor& parameter,
                        std::int64_t elements) {
  namespace optim = torch::optim;
  const auto shape = parameter.sizes();
  if (auto* sgd = dynamic_cast<optim::SGDParamState*>(&state)) {
    check_tensor(sgd->momentum_buffer(), shape, false);
  } else if (auto* adam = dynamic_cast<optim::AdamParamState*>(&state)) {
    check_tensor(adam->exp_avg(), shape, false);
    check_tensor(adam->exp_avg_sq(), shape, false);
    check_tensor(adam->max_exp_avg_sq(), shape, true);
  } else if (auto* adamw = dynamic_cast<optim::AdamWParamState*>(&state)) {
    check_tensor(adamw->exp_avg(), shape, false);
    check_tensor(adamw->exp_avg_sq(), shape, false);
    check_tensor(adamw->max_exp_avg_sq(), shape, true);
  } else if (auto* adagrad = dynamic_cast<optim::AdagradParamState*>(&state)) {
    check_tensor(adagrad->sum(), shape, false);
  } else if (auto* rmsprop = dynamic_cast<optim::RMSpropParamState*>(&state)) {
    check_tensor(rmsprop->square_avg(), shape, false);
    check_tensor(rmsprop->momentum_buffer(), shape, true);
    check_tensor(rmsprop->grad_avg(), shape, true);
  } else if (auto* lbfgs = dynamic_cast<optim::LBFGSParamState*>(&state)) {
    check_tensor(lbfgs->d(), elements, true);
    check_tensor(lbfgs->prev_flat_grad(), elements, true);
    for (const auto& direction : lbfgs->old_dirs()) check_tensor(direction, elements, false);
    for (const auto& step : lbfgs->old_stps()) check_tensor(step, elements, false);
  }
}

/// Checks that the states that were read fit these parameters; LibTorch would fail in a later step.
inline void check_states(torch::optim::Optimizer& optimizer) {
  std::int64_t elements = 0;
  for (const auto& group : optimizer.param_groups()) {
    for (const auto& parameter : group.params()) elements += parameter.numel();
  }
  auto& states = optimizer.state();
  for (const auto& [parameter, group] : members(optimizer.param_groups())) {
    const auto found = states.find(state_key(states, parameter));
    if (found == states.end()) {
      TORCH_CHECK(!is_a<torch::optim::Adagrad>(optimizer),
                  "roga: the checkpoint lacks the state of a parameter of shape ",
                  parameter.sizes(), ", which Adagrad needs");
      continue;
    }
    TORCH_CHECK(
        found->second != nullptr,
        "roga: the checkpoint has one state for a parameter that is listed twice; list it once");
    check_state(*found->second, parameter, elements);
  }
}

/// Gives an optimizer other states and options. If `read_states` throws, what it has changed by
/// then is undone.
/// @param read_states of the base; it begins without states
/// @throws c10::Error also for states that are not of these parameters
inline void replace_states(torch::optim::Optimizer& optimizer, GroupOptions options,
                           const std::function<void()>& read_states) {
  auto options_before = copied_options(optimizer.param_groups());
  auto states_before = std::move(optimizer.state());
  optimizer.state().clear();
  try {
    read_states();
    check_states(optimizer);
  } catch (...) {
    optimizer.state() = std::move(states_before);
    replace_options(optimizer.param_groups(), std::move(options_before));
    throw;
  }
  replace_options(optimizer.param_groups(), std::move(options));
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
