// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/ops/arange.h>

#include <array>
#include <cstdint>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {
namespace detail {

/// Float32 numbers in (0, 1), in the shape and on the device of `like`, drawn from a key alone: a
/// hash of each entry's position. They are the same on every device, and leave all generators
/// alone.
inline at::Tensor uniform(const at::Tensor& like, const std::array<std::uint32_t, 2>& key) {
  constexpr std::int64_t bits = 0x7fffffff;  // 31: products with 32-bit factors stay below 2^63
  auto hash = at::arange(like.numel(), like.options().dtype(at::kLong)).reshape(like.sizes());
  for (const std::int64_t part : key) {
    hash.add_(part).bitwise_and_(bits);
    for (const std::int64_t factor : {0x85ebca6bLL, 0xc2b2ae35LL}) {
      hash.bitwise_xor_(hash.bitwise_right_shift(15)).mul_(factor).bitwise_and_(bits);
    }
    hash.bitwise_xor_(hash.bitwise_right_shift(16));
  }
  return hash.bitwise_right_shift_(8).to(at::kFloat).add_(0.5).mul_(1.0 / (1 << 23));
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
