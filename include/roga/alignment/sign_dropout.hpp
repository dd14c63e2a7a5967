// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/uniform.hpp>
#include <span>

namespace roga {
inline namespace v1 {

/// Draws a sign for each coordinate and takes the mean over the domains, where gradients of the
/// other sign count as zeros:
///
///     positive with probability P = (1 + sum_k g_k / sum_k |g_k|) / 2
///
/// GradDrop (Chen et al., NeurIPS 2020, arXiv 2010.06808, algorithm 1, without leaks). The paper
/// sums, and masks the gradients of a layer's outputs; this takes the mean of the parameters'
/// gradients. Its expected value is the mean gradient. Drawn from the seed, the step's index and
/// the parameter's number, so that a resumed run draws the same.
struct SignDropout {
  static constexpr Reads reads = Reads::domains;

  std::uint64_t seed = 0;  ///< of the draws

  at::Tensor combine(std::span<const at::Tensor> rows, const Step& step,
                     std::size_t parameter) const {
    auto up = at::zeros_like(detail::widened(rows.front()));
    auto down = up.clone();
    for (const auto& row : rows) {
      const auto wide = detail::widened(row);
      up.add_(wide.clamp_min(0));
      down.sub_(wide.clamp_max(0));
    }
    std::seed_seq mix{seed, seed >> 32U, static_cast<std::uint64_t>(step.index()),
                      static_cast<std::uint64_t>(parameter)};
    std::array<std::uint32_t, 2> key{};
    mix.generate(key.begin(), key.end());
    const auto u = detail::uniform(up, key);
    // u < P, in a form that holds where all signs agree and where all are 0.
    const auto positive = up.mul(u.neg().add_(1)).gt(down.mul(u));
    const auto sum = up.where(positive, down.neg());
    return sum.div(static_cast<double>(rows.size())).to(rows.front().scalar_type());
  }
};

}  // namespace v1
}  // namespace roga
