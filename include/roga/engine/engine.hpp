// SPDX-License-Identifier: MIT
#pragma once

#include <roga/engine/protection.hpp>
#include <roga/engine/record.hpp>
#include <roga/engine/settings.hpp>
#include <roga/engine/state.hpp>
#include <roga/policy/composition.hpp>

namespace roga {
inline namespace v1 {
namespace detail {

/// What an optimizer has besides its base. What one step needs besides is in StepRun.
template <class P, class C, class A>
struct Engine {
  Recipe<P, C, A> recipe;
  Settings settings = {};
  State state = {};
  Protection protection = {};
  StepRecord record = {};     ///< of the last step
  bool step_is_open = false;  ///< a PhasedStep holds the weights

  /// @throws c10::Error naming a hyper-parameter that breaks its rule
  void validate() const {
    auto check = [](const auto& policy) {
      if constexpr (requires { policy.validate(); }) policy.validate();
      if constexpr (requires { policy.metric.validate(); }) policy.metric.validate();
    };
    check(recipe.perturbation);
    check(recipe.capture);
    check(recipe.alignment);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
