// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <roga/policy/memory.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// What lives from step to step, and goes into the checkpoint.
struct State {
  std::int64_t step = 0;               ///< steps finished
  Memories memories;                   ///< of the three policies
  std::vector<bool> had_gradient;      ///< by parameter; kept where zero_grad() leaves zeros
  std::vector<at::Tensor> parameters;  ///< whose rows and marks these are, in their order

  /// Rows and marks belong to parameters: they follow them when the optimizer's groups change.
  void follow(const std::vector<at::Tensor>& now) {
    if (parameters.empty()) parameters = now;  // fresh, or read by position from a checkpoint
    bool same = parameters.size() == now.size();
    for (std::size_t i = 0; same && i < now.size(); ++i) same = parameters[i].is_same(now[i]);
    if (same) return;
    std::vector<std::size_t> before(now.size());  // where each of them was
    for (std::size_t i = 0; i < now.size(); ++i) {
      while (before[i] < parameters.size() && !parameters[before[i]].is_same(now[i])) ++before[i];
    }
    auto reorder = [&](auto& list, const auto& missing) {
      std::decay_t<decltype(list)> moved(now.size(), missing);
      for (std::size_t i = 0; i < now.size(); ++i) {
        if (before[i] < list.size()) moved[i] = list[before[i]];
      }
      list = std::move(moved);
    };
    for (auto& memory : memories) {
      for (auto& [name, row] : memory.rows) reorder(row, at::Tensor());
    }
    reorder(had_gradient, false);
    parameters = now;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
