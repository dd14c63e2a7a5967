// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/ArrayRef.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <random>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// A random order of 0, ..., count - 1, the same on every platform: Fisher-Yates from the end, in
/// which place i - 1 changes with place `draw() % i`. std::seed_seq and std::mt19937_64 are fixed
/// by the standard; std::shuffle and the distributions are left to each library.
/// @param seeds each counts modulo 2^32
inline std::vector<std::size_t> permutation(std::size_t count,
                                            std::initializer_list<std::uint64_t> seeds) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::seed_seq mix(seeds);
  std::mt19937_64 draw(mix);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[draw() % i]);
  return order;
}

/// The entries of the first dimension at these places, in a tensor of their own.
inline at::Tensor rows_at(const at::Tensor& tensor, c10::ArrayRef<std::size_t> places) {
  auto index = at::zeros({static_cast<std::int64_t>(places.size())}, at::kLong);
  std::copy(places.begin(), places.end(), index.data_ptr<std::int64_t>());
  return tensor.index_select(0, index.to(tensor.device()));
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
