// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <roga/engine/gradient_slots.hpp>
#include <roga/engine/protection.hpp>
#include <roga/engine/record.hpp>
#include <roga/engine/settings.hpp>
#include <roga/engine/state.hpp>
#include <roga/engine/team.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/radius_rule.hpp>
#include <type_traits>

namespace roga {
inline namespace v1 {
namespace detail {

/// Marks a step for as long as it runs.
class Busy {
 public:
  Busy(const char*& mark, const char* why) : mark_(mark) { mark_ = why; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { mark_ = nullptr; }

 private:
  const char*& mark_;
};

/// What an optimizer has besides its base. StepRun has what one step needs.
template <class P, class C, class A>
struct Engine {
  Recipe<P, C, A> recipe;
  Settings settings = {};
  State state = {};
  Protection protection = {};
  GradientSlots gradients = {};
  std::shared_ptr<Team> team = {};    ///< the ranks that make the steps together; null: one process
  StepRecord record = {};             ///< of the last step
  const char* busy = nullptr;         ///< why no other call may touch the weights now
  std::int64_t skipped_in_a_row = 0;  ///< steps

  /// @throws c10::Error during a step
  void require_idle(const char* call) const {
    TORCH_CHECK(busy == nullptr, "roga: ", call, " while ", busy);
  }
  /// @throws c10::Error naming a hyper-parameter that breaks its rule
  void validate() const {
    auto check = [](const auto& policy) {
      if constexpr (requires { policy.validate(); }) policy.validate();
      if constexpr (requires { policy.metric.validate(); }) policy.metric.validate();
      if constexpr (HasRadiusRule<std::decay_t<decltype(policy)>>) policy.radius.validate();
    };
    check(recipe.perturbation);
    check(recipe.capture);
    check(recipe.alignment);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
