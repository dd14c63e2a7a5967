// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Keeps what a forward pass changes besides gradients, buffers and random generators, the same as
/// if each piece of data had been evaluated once: its first evaluation in a step updates running
/// statistics and draws dropout masks; later ones draw the same masks and leave no trace.
class Protection {
  using GeneratorStates = std::vector<at::Tensor>;  ///< one for each device
  using BufferValues = std::vector<std::vector<at::Tensor>>;

 public:
  using Buffers = std::function<std::vector<at::Tensor>()>;

  void add(Buffers buffers) { modules_.push_back(std::move(buffers)); }
  bool active() const { return !modules_.empty(); }

  /// Buffers and generators at one moment.
  struct Moment {
    BufferValues buffers;
    GeneratorStates generators;
  };

  /// Before the first pass of a base step, however often that evaluates.
  template <class Groups>
  void begin(const Groups& groups) {
    first_states_.clear();
    settled_.reset();
    devices_.assign(1, at::Device(at::kCPU));
    for (const auto& group : groups) {
      for (const auto& parameter : group.params()) {
        if (std::find(devices_.begin(), devices_.end(), parameter.device()) == devices_.end()) {
          devices_.push_back(parameter.device());
        }
      }
    }
  }
  Moment now() const { return active() ? Moment{snapshot(), generators()} : Moment{}; }
  void go_back(const Moment& moment) const {
    if (!active()) return;
    restore(moment.buffers);
    restore(moment.generators);
  }

  /// Evaluates one unit of data (a domain's closure, or the shared forward).
  template <class Evaluate>
  auto evaluate(std::size_t unit, Evaluate&& evaluate_unit) {
    const auto before = enter(unit);
    auto result = evaluate_unit();
    leave(before);
    return result;
  }
  /// Before a unit is evaluated: for any time but the first puts its generators back, and returns
  /// the moment to go back to afterwards.
  std::optional<Moment> enter(std::size_t unit) {
    if (!active()) return std::nullopt;
    auto states = generators();
    if (first_states_.size() <= unit) first_states_.resize(unit + 1);
    GeneratorStates& first = first_states_[unit];
    if (first.empty()) {
      first = std::move(states);
      settled_.reset();
      return std::nullopt;
    }
    // Later evaluations all go back to the same buffers: one copy serves them.
    if (!settled_) settled_ = snapshot();
    restore(first);
    return Moment{*settled_, std::move(states)};
  }
  void leave(const std::optional<Moment>& before) const {
    if (before) go_back(*before);
  }

 private:
  BufferValues snapshot() const {
    BufferValues values;
    for (const auto& buffers : modules_) {
      values.push_back(copies(buffers()));
    }
    return values;
  }
  /// Buffers are looked up anew: scripted modules may have rebound them to other tensors.
  void restore(const BufferValues& values) const {
    c10::NoGradGuard no_grad;
    for (std::size_t m = 0; m < modules_.size(); ++m) {
      auto current = modules_[m]();
      current.resize(std::min(current.size(), values[m].size()));
      assign(current, values[m]);
    }
  }
  GeneratorStates generators() const {
    GeneratorStates states;
    for (const auto& device : devices_) {
      auto generator = at::globalContext().defaultGenerator(device);
      const std::lock_guard lock(generator.mutex());
      states.push_back(generator.get_state());
    }
    return states;
  }
  void restore(const GeneratorStates& states) const {
    for (std::size_t d = 0; d < states.size(); ++d) {
      auto generator = at::globalContext().defaultGenerator(devices_[d]);
      const std::lock_guard lock(generator.mutex());
      generator.set_state(states[d]);
    }
  }

  std::vector<Buffers> modules_;
  std::vector<at::Device> devices_;
  std::vector<GeneratorStates> first_states_;  ///< by unit; empty before its first evaluation
  std::optional<BufferValues> settled_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
