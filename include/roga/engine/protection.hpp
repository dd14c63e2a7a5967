// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/buffer_snapshot.hpp>
#include <roga/engine/generators.hpp>
#include <roga/engine/protected_module.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Keeps buffers and random generators, which a forward pass changes, as if each piece of data had
/// been evaluated once: its first evaluation in a step updates running statistics and draws dropout
/// masks; later ones draw the same masks and leave no trace.
class Protection {
  using Buffers = std::shared_ptr<const std::vector<BufferSnapshot>>;

 public:
  void add(std::unique_ptr<ProtectedModule> module) { modules_.push_back(std::move(module)); }
  bool active() const { return !modules_.empty(); }
  /// All buffers that are registered now.
  std::vector<at::Tensor> buffers() const {
    std::vector<at::Tensor> list;
    for (const auto& module : modules_) {
      for (auto& buffer : module->buffers()) list.push_back(std::move(buffer.tensor));
    }
    return list;
  }

  /// Buffers and generators at one moment.
  struct Moment {
    Buffers buffers;
    GeneratorStates generators;
  };

  /// Before the first pass of a base step, however often that evaluates.
  /// @throws c10::Error if a module is gone
  template <class Groups>
  void begin(const Groups& groups) {
    first_states_.clear();
    settled_ = nullptr;
    devices_.assign(1, at::Device(at::kCPU));
    for (const auto& group : groups) {
      for (const auto& parameter : group.params()) {
        if (std::find(devices_.begin(), devices_.end(), parameter.device()) == devices_.end()) {
          devices_.push_back(parameter.device());
        }
      }
    }
    require_modules();
  }
  /// @throws c10::Error if a module is gone
  Moment now() const { return active() ? Moment{snapshot(), generators()} : Moment{}; }
  /// Puts back all that can be.
  /// @throws what the first failure threw
  void go_back(const Moment& moment) const {
    const c10::NoGradGuard no_grad;
    AllOfThem all;
    if (moment.buffers) {
      for (const auto& buffers : *moment.buffers) buffers.restore(all);
    }
    restore(moment.generators, all);
    all.finish();
  }

  /// Units of data: everything at once, or the k-th domain.
  static constexpr std::size_t everything = 0;
  static constexpr std::size_t unit(std::size_t k) { return k + 1; }

  /// Evaluates one unit of data.
  template <class Evaluate>
  auto evaluate(std::size_t unit, Evaluate&& evaluate_unit) {
    const auto before = enter(unit);
    auto result = evaluate_unit();
    leave(before);
    return result;
  }
  /// Before a unit is evaluated. If its data has been evaluated before, returns the moment to go
  /// back to afterwards; if as this unit, puts its generators back.
  std::optional<Moment> enter(std::size_t unit) {
    if (!active()) return std::nullopt;
    auto states = generators();
    if (first_states_.size() <= unit) first_states_.resize(unit + 1);
    GeneratorStates& first = first_states_[unit];
    const bool is_new = first.empty();
    if (is_new) first = states;
    if (is_new && !seen_otherwise(unit)) {
      settled_ = nullptr;
      return std::nullopt;
    }
    // Later evaluations all go back to the same buffers: one copy serves them.
    if (!settled_) settled_ = snapshot();
    AllOfThem all;
    if (!is_new) restore(first, all);
    all.finish();
    return Moment{settled_, std::move(states)};
  }
  void leave(const std::optional<Moment>& before) const {
    if (before) go_back(*before);
  }

 private:
  /// Whether the data of a unit has been evaluated as part of everything, or in parts.
  bool seen_otherwise(std::size_t unit) const {
    auto seen = [](const GeneratorStates& first) { return !first.empty(); };
    return unit == everything ? std::any_of(first_states_.begin() + 1, first_states_.end(), seen)
                              : seen(first_states_.front());
  }
  void require_modules() const {
    for (const auto& module : modules_) {
      TORCH_CHECK(module->is_there(), "roga: the module ", module->name(),
                  " given to protect() no longer exists; keep it for as long as this optimizer "
                  "makes steps, or make a new optimizer");
    }
  }
  Buffers snapshot() const {
    require_modules();
    std::vector<BufferSnapshot> buffers(modules_.begin(), modules_.end());
    return std::make_shared<const std::vector<BufferSnapshot>>(std::move(buffers));
  }
  GeneratorStates generators() const { return generator_states(devices_); }
  void restore(const GeneratorStates& states, AllOfThem& all) const {
    set_generators(devices_, states, all);
  }

  std::vector<std::shared_ptr<ProtectedModule>> modules_;
  std::vector<at::Device> devices_;
  std::vector<GeneratorStates> first_states_;  ///< by unit; empty before its first evaluation
  Buffers settled_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
