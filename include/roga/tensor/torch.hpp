// SPDX-License-Identifier: MIT
// The only header that includes LibTorch and knows its versions; ivalue.h goes first (clang 14 with
// LibTorch 1.13 needs it).
#pragma once

// clang-format off
#include <ATen/core/ivalue.h>
// clang-format on
#include <ATen/autocast_mode.h>
#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/util/Exception.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/lbfgs.h>
#include <torch/optim/optimizer.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>
#include <torch/serialize/archive.h>
#include <torch/version.h>

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 2)
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#define ROGA_DETAIL_FOREACH 1
#else
#define ROGA_DETAIL_FOREACH 0
#endif

namespace roga {
inline namespace v1 {
namespace detail {

/// Whether the optimizers' own zero_grad() leaves zeros, with which weight decay and momentum still
/// move a parameter. Otherwise it removes the gradient, and the base optimizer skips the parameter.
inline constexpr bool zero_grad_leaves_zeros = TORCH_VERSION_MAJOR < 2;
/// Whether LibTorch has multi-tensor copies, and factors on the device.
inline constexpr bool has_multi_tensor_calls = ROGA_DETAIL_FOREACH != 0;

/// To be called after weights have moved: autocast keeps its casts of them until its region ends.
inline void forget_casts() { at::autocast::clear_cache(); }

/// Arithmetic outside of the graph, and in the tensors' own precision under autocast too.
struct PlainArithmetic {
  c10::NoGradGuard no_grad;
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
