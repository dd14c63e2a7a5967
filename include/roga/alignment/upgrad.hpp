// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/over.hpp>
#include <roga/tensor/dual_cone.hpp>

namespace roga {
inline namespace v1 {

/// The mean of the gradients, each projected so that it conflicts with none:
///
///     d = mean_i v_i,   v_i = the vector nearest to g_i with <v_i, g_j> >= 0 for all j
///
/// UPGrad (Quinton and Rey, 2024, arXiv 2406.16232). To first order no domain's loss rises along
/// -d. Solved exactly on the Gram matrix, by active sets; TorchJD normalises the matrix and adds
/// 1e-4 to its diagonal.
template <Over over = Over::domains>
struct UpGrad {
  static constexpr Reads reads = detail::reads_of(over);
  Combination direction(Step& step) const {
    return detail::weighted(over, detail::mean_on_dual_cone(detail::gram(over, step)));
  }
};

}  // namespace v1
}  // namespace roga
