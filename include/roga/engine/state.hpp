// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <roga/policy/memory.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// What lives from step to step, and goes into the checkpoint.
struct State {
  std::int64_t step = 0;               ///< steps finished
  Memories memories;                   ///< of the three policies
  std::vector<at::Tensor> parameters;  ///< whose rows these are, in their order
  std::vector<bool> gave_gradients;    ///< by domain; not in the checkpoint
  bool resumed = false;                ///< domains may have given gradients before

  /// Rows belong to parameters: they follow them when the optimizer's groups change.
  void follow(const std::vector<at::Tensor>& now) {
    if (parameters.empty()) parameters = now;  // fresh, or read by position from a checkpoint
    bool same = parameters.size() == now.size();
    for (std::size_t i = 0; same && i < now.size(); ++i) same = parameters[i].is_same(now[i]);
    if (same) return;
    std::vector<std::size_t> before(now.size());  // where each of them was
    for (std::size_t i = 0; i < now.size(); ++i) {
      while (before[i] < parameters.size() && !parameters[before[i]].is_same(now[i])) ++before[i];
    }
    for (auto& memory : memories) {
      for (auto& [name, row] : memory.rows) {
        GradientList moved(now.size());
        for (std::size_t i = 0; i < now.size(); ++i) {
          if (before[i] < row.size()) moved[i] = row[before[i]];
        }
        row = std::move(moved);
      }
    }
    parameters = now;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
