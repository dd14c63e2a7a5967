// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <mutex>
#include <roga/engine/all_of_them.hpp>
#include <roga/tensor/torch.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// States of LibTorch's default random generators, one for each device.
using GeneratorStates = std::vector<at::Tensor>;

inline GeneratorStates generator_states(const std::vector<at::Device>& devices) {
  GeneratorStates states;
  for (const auto& device : devices) {
    auto generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard lock(generator.mutex());
    states.push_back(generator.get_state());
  }
  return states;
}
/// Puts them back; without states it changes nothing.
inline void set_generators(const std::vector<at::Device>& devices, const GeneratorStates& states,
                           AllOfThem& all) {
  for (std::size_t d = 0; d < states.size(); ++d) {
    all.attempt([&] {
      auto generator = at::globalContext().defaultGenerator(devices[d]);
      const std::lock_guard lock(generator.mutex());
      generator.set_state(states[d]);
    });
  }
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
