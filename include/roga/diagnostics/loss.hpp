// SPDX-License-Identifier: MIT
// The losses that the diagnostics evaluate. None of these headers is part of <roga/roga.hpp>.
#pragma once

// clang-format off
#include <roga/tensor/torch.hpp>
#include <torch/csrc/autograd/autograd.h>
// clang-format on

#include <cstddef>
#include <functional>
#include <roga/tensor/check.hpp>
#include <roga/tensor/kernels.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace diagnostics {

/// Computes a loss, one number, still attached to its graph, without a backward pass. It must
/// depend on the parameters alone: put the model into evaluation mode, or fix its statistics and
/// dropout in another way. For several domains, one Loss each.
using Loss = std::function<at::Tensor()>;

namespace detail {

/// @throws c10::Error unless the loss is one number
inline at::Tensor checked(at::Tensor loss) {
  TORCH_CHECK(loss.defined() && loss.numel() == 1, "roga::diagnostics: a Loss returned ",
              loss.defined() ? c10::str("a tensor of ", loss.numel(), " elements")
                             : std::string("an undefined tensor"),
              "; it must return one number");
  return loss;
}

inline double value(const Loss& loss) {
  const c10::NoGradGuard no_grad;
  return checked(loss()).item<double>();
}

/// The derivative of `output`, a tensor for each parameter; undefined where `output` does not
/// depend on the parameter, or the parameter is frozen.
inline GradientList derivative(const at::Tensor& output, const std::vector<at::Tensor>& parameters,
                               bool create_graph = false) {
  std::vector<at::Tensor> free;
  for (const auto& parameter : parameters) {
    if (parameter.requires_grad()) free.push_back(parameter);
  }
  GradientList row(parameters.size());
  if (free.empty()) return row;
  const auto found =
      torch::autograd::grad({output}, free, {}, c10::optional<bool>(create_graph), create_graph,
                            /*allow_unused=*/true);
  auto next = found.begin();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (parameters[i].requires_grad()) row[i] = *next++;
  }
  return row;
}

/// The gradient of a loss.
inline GradientList gradient(const Loss& loss, const std::vector<at::Tensor>& parameters,
                             bool create_graph = false) {
  const c10::AutoGradMode enable(true);
  return derivative(checked(loss()), parameters, create_graph);
}

/// Parameters that are moved away and come back bit for bit, into the same storage.
class Excursion {
 public:
  using Offsets = std::vector<std::pair<double, const GradientList*>>;

  explicit Excursion(const std::vector<at::Tensor>& parameters) : parameters_(parameters) {
    for (const auto& parameter : parameters) start_.push_back(parameter.detach().clone());
  }
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;
  ~Excursion() {
    const roga::detail::PlainArithmetic plain;
    roga::detail::forget_casts();
    for (std::size_t i = 0; i < start_.size(); ++i) {  // whatever can be put back is
      try {
        place(i, {});
      } catch (...) {  // NOLINT: a destructor cannot report it
      }
    }
  }

  /// start + sum of factor * direction
  void go_to(const Offsets& offsets) {
    const roga::detail::PlainArithmetic plain;
    roga::detail::forget_casts();
    for (std::size_t i = 0; i < parameters_.size(); ++i) place(i, offsets);
  }

 private:
  void place(std::size_t i, const Offsets& offsets) {
    at::Tensor parameter = parameters_[i];
    parameter.copy_(start_[i]);
    for (const auto& [factor, direction] : offsets) {
      const auto& x = (*direction)[i];
      if (x.defined()) roga::detail::add_scaled(parameter, x, factor);
    }
  }

  const std::vector<at::Tensor>& parameters_;
  std::vector<at::Tensor> start_;
};

}  // namespace detail
}  // namespace diagnostics
}  // namespace v1
}  // namespace roga
