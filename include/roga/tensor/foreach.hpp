// SPDX-License-Identifier: MIT
// One pass over a whole list of tensors in one call, for accelerators, where each call costs a
// launch. On the CPU LibTorch's multi-tensor operations are loops that win nothing
// (docs/performance_tables.md).
#pragma once

#include <algorithm>
#include <cstddef>
#include <roga/tensor/scalar.hpp>
#include <roga/tensor/torch.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Whether a tensor can take part in a foreach call: float32 or float64, on an accelerator.
inline bool foreach_serves(const at::Tensor& x) {
  return !is_on_host(x) && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble);
}
/// Whether one call can do arithmetic on the tensors of a list that are defined: of one type and on
/// one device, too.
inline bool foreach_serves(const std::vector<at::Tensor>& list) {
  const at::Tensor* first = nullptr;
  return std::all_of(list.begin(), list.end(),
                     [&](const at::Tensor& x) {
                       if (!x.defined()) return true;
                       if (first == nullptr) first = &x;
                       return x.scalar_type() == first->scalar_type() &&
                              x.device() == first->device();
                     }) &&
         first != nullptr && foreach_serves(*first);
}

/// The operations. Lists hold defined tensors; those of one call are equally long. Without such
/// calls in LibTorch, one call for each tensor gives the same results.
struct Foreach {
  using List = std::vector<at::Tensor>;

  /// x, in one call; exact except for the payload of NaNs
  static List copies(const List& x) { return products(x, 1.0); }
  /// to <- from
  static void assign(List& to, const List& from) {
#if ROGA_DETAIL_FOREACH
    at::_foreach_copy_(to, from, /*non_blocking=*/true);
#else
    for (std::size_t i = 0; i < to.size(); ++i) to[i].copy_(from[i], /*non_blocking=*/true);
#endif
  }
  /// factor x
  static List products(const List& x, const Scalar& factor) {
    List out;
    with(factor, x, [&](const auto& number) {
#if ROGA_DETAIL_FOREACH
      out = at::_foreach_mul(x, number);
#else
      for (const auto& tensor : x) out.push_back(tensor.mul(number));
#endif
    });
    return out;
  }
  /// x <- factor x
  static void multiply(List& x, const Scalar& factor) {
    with(factor, x, [&](const auto& number) {
#if ROGA_DETAIL_FOREACH
      at::_foreach_mul_(x, number);
#else
      for (auto& tensor : x) tensor.mul_(number);
#endif
    });
  }
  /// to <- to + factor x
  static void add(List& to, const List& x, const Scalar& factor) {
    if (!factor.on_host()) return add(to, products(x, factor), 1.0);
#if ROGA_DETAIL_FOREACH
    at::_foreach_add_(to, x, factor.value());
#else
    for (std::size_t i = 0; i < to.size(); ++i) to[i].add_(x[i], factor.value());
#endif
  }
  /// |x|
  static Scalar norm(const List& x) {
#if ROGA_DETAIL_FOREACH
    const List norms = at::_foreach_norm(x);
#else
    List norms;
    for (const auto& tensor : x) norms.push_back(at::linalg_vector_norm(tensor));
#endif
    return Scalar::of(at::linalg_vector_norm(at::stack(norms), 2, {}, false, at::kDouble));
  }

 private:
  template <class Use>
  static void with(const Scalar& factor, const List& x, Use&& use) {
    if (factor.on_host()) {
      use(at::Scalar(factor.value()));
    } else {
      use(factor.tensor().to(x.front().options()));
    }
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
