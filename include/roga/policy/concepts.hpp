// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <roga/policy/point.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/torch.hpp>
#include <span>
#include <type_traits>

namespace roga {
inline namespace v1 {

/// A LibTorch optimizer class that can be derived from: torch::optim::SGD, Adam, AdamW, Adagrad,
/// RMSprop, LBFGS, or the user's own.
template <class T>
concept BaseOptimizer =
    std::derived_from<T, torch::optim::Optimizer> && !std::is_abstract_v<T> && !std::is_final_v<T>;

/// Declares the rows that it reads: `static constexpr roga::Reads reads = roga::Reads::erm;`
template <class T>
concept DeclaresReads = requires {
  { T::reads } -> std::convertible_to<Reads>;
};

/// M in |M^(1/2) v|: `at::Tensor apply(const at::Tensor& theta, const at::Tensor& v) const` returns
/// M v for one parameter, of v's shape. M is positive, diagonal and may depend on theta and on v.
template <class T>
concept Metric = requires(const T metric, const at::Tensor& tensor) {
  { metric.apply(tensor, tensor) } -> std::same_as<at::Tensor>;
};

/// Where to look: how many points this step has, and each of them in turn.
///
/// Axioms: `points` depends on the step's index, memory and number of domains only; `point(step,
/// j)` is called once for each j in order and may read what was captured before; zero gradients
/// give points at theta. `at_theta` says whether the step evaluates the domains at theta first.
template <class T>
concept PerturbationPolicy = DeclaresReads<T> && std::copyable<T> &&
    requires(const T policy, Step& step, std::size_t j) {
  { T::at_theta } -> std::convertible_to<bool>;
  { policy.points(step) } -> std::convertible_to<std::size_t>;
  { policy.point(step, j) } -> std::same_as<Point>;
};

/// What to evaluate there: `slice(step, j)` names the data of point j.
template <class T>
concept CapturePolicy = std::copyable<T> && requires(const T policy, Step& step, std::size_t j) {
  { policy.slice(step, j) } -> std::same_as<Slice>;
};

/// A direction that is a linear combination of rows, with coefficients from losses, norms and inner
/// products: it never sees a tensor.
template <class T>
concept LinearAlignment = requires(const T policy, Step& step) {
  { policy.direction(step) } -> std::convertible_to<Combination>;
};

/// A direction computed coordinate by coordinate: `combine(rows)` gets one parameter's gradient in
/// each domain (same shape, missing ones as zeros) and returns that parameter's direction.
template <class T>
concept ElementwiseAlignment = requires(const T policy, std::span<const at::Tensor> rows) {
  { policy.combine(rows) } -> std::same_as<at::Tensor>;
};

/// Which direction the base optimizer gets.
///
/// Axioms: equal rows give that row (or a documented multiple); permuting the domains changes
/// nothing but rounding, unless the policy says that it is ordered; zero rows give zero.
template <class T>
concept AlignmentPolicy = DeclaresReads<T> && std::copyable<T> &&
    (LinearAlignment<T> || ElementwiseAlignment<T>);

}  // namespace v1
}  // namespace roga
