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
#include <variant>

namespace roga {
inline namespace v1 {

/// A LibTorch optimizer class that can be derived from: torch::optim::SGD, Adam, AdamW, Adagrad,
/// RMSprop, LBFGS, or the user's own.
template <class T>
concept BaseOptimizer =
    std::derived_from<T, torch::optim::Optimizer> && !std::is_abstract_v<T> && !std::is_final_v<T>;

namespace detail {

/// Members that a policy may leave out. One that exists in a form that cannot be used would be
/// ignored silently, so the concepts below detect it by its name: in a class that inherits the name
/// from here and from the policy it is ambiguous, even if the policy's member is private or
/// overloaded.
struct OptionalMembers {
  int validate, metric, remembers, visits, frequency, share, after_base, reads_in_effect;
};
template <class T>
struct WithOptionalMembers : T, OptionalMembers {};
template <class T>
concept Inheritable = std::is_class_v<T> && !std::is_final_v<T>;

template <class T>
concept NamesValidate = (Inheritable<T> && !requires { &WithOptionalMembers<T>::validate; }) ||
                        (std::is_final_v<T> && requires { &T::validate; });
template <class T>
concept NamesMetric = (Inheritable<T> && !requires { &WithOptionalMembers<T>::metric; }) ||
                      (std::is_final_v<T> && requires { &T::metric; });
template <class T>
concept NamesRemembers = (Inheritable<T> && !requires { &WithOptionalMembers<T>::remembers; }) ||
                         (std::is_final_v<T> && requires { &T::remembers; });
template <class T>
concept NamesVisits = (Inheritable<T> && !requires { &WithOptionalMembers<T>::visits; }) ||
                      (std::is_final_v<T> && requires { &T::visits; });
template <class T>
concept NamesFrequency = (Inheritable<T> && !requires { &WithOptionalMembers<T>::frequency; }) ||
                         (std::is_final_v<T> && requires { &T::frequency; });
template <class T>
concept NamesShare = (Inheritable<T> && !requires { &WithOptionalMembers<T>::share; }) ||
                     (std::is_final_v<T> && requires { &T::share; });
template <class T>
concept NamesAfterBase = (Inheritable<T> && !requires { &WithOptionalMembers<T>::after_base; }) ||
                         (std::is_final_v<T> && requires { &T::after_base; });
template <class T>
concept NamesReadsInEffect = (Inheritable<T> &&
                              !requires { &WithOptionalMembers<T>::reads_in_effect; }) ||
                             (std::is_final_v<T> && requires { &T::reads_in_effect; });

}  // namespace detail

/// A number of things: of any integer type.
template <class T>
concept Count =
    std::integral<std::remove_cvref_t<T>> && !std::same_as<std::remove_cvref_t<T>, bool>;

/// Declares the rows that it reads: `static constexpr roga::Reads reads = roga::Reads::erm;`
template <class T>
concept DeclaresReads = requires {
  typename std::integral_constant<Reads, T::reads>;
};

/// `void validate() const`, where a policy or metric has one: it throws on hyper-parameters out of
/// range.
template <class T>
concept ValidatesConst = !detail::NamesValidate<T> || requires(const T policy) {
  { policy.validate() } -> std::same_as<void>;
};
/// `static constexpr std::size_t remembers`, where a policy has it: how many rows it remembers.
template <class T>
concept CountsRemembered = !detail::NamesRemembers<T> || requires {
  typename std::integral_constant<std::size_t, T::remembers>;
};

/// M in |M^(1/2) v|: `at::Tensor apply(const at::Tensor& theta, const at::Tensor& v) const` returns
/// M v for one parameter, of v's shape. M is positive, diagonal and may depend on theta and on v.
template <class T>
concept Metric = ValidatesConst<T> && requires(const T metric, const at::Tensor& tensor) {
  { metric.apply(tensor, tensor) } -> std::same_as<at::Tensor>;
};
/// M = I: the ball of radius rho. What policies without a metric use.
using Euclidean = std::monostate;
/// A member `metric`, where a policy has one: it is a Metric, or Euclidean.
template <class T>
concept MeasuresInMetric = !detail::NamesMetric<T> || requires(const T policy) {
  requires Metric<decltype(policy.metric)> || std::same_as<decltype(policy.metric), Euclidean>;
};

/// `visits(domains)`, where a policy has it: how many points it has.
template <class T>
concept CountsVisits = !detail::NamesVisits<T> || requires(const T policy, std::size_t domains) {
  { policy.visits(domains) } -> Count;
};
/// `frequency()`, where a policy has it: the share of the steps that have points, in (0, 1].
template <class T>
concept FrequencyIsShare = !detail::NamesFrequency<T> || requires(const T policy) {
  { policy.frequency() } -> std::floating_point;
};
/// `reads_in_effect()`, where a policy has it: the part of `reads` that it needs at its settings.
template <class T>
concept ReadsLessInEffect = !detail::NamesReadsInEffect<T> || requires(const T policy) {
  { policy.reads_in_effect() } -> std::same_as<Reads>;
};
/// `share(domains)`, where a policy has it: the share of the minibatch that a point evaluates.
template <class T>
concept EvaluatesShare = !detail::NamesShare<T> || requires(const T policy, std::size_t domains) {
  { policy.share(domains) } -> std::floating_point;
};
/// `Combination after_base(step) const`, where a policy with a `direction` has it: what is
/// subtracted after the base step, times the learning rate.
template <class T>
concept StepsAfterBase = !detail::NamesAfterBase<T> || requires(const T policy, Step& step) {
  { policy.direction(step) } -> std::convertible_to<Combination>;
  { policy.after_base(step) } -> std::convertible_to<Combination>;
};

/// Where to look: how many points this step has, and each of them in turn.
///
/// Axioms: `points` depends on the step's index, memory and number of domains only; `point(step,
/// j)` is called once for each j in order and may read what was captured before; zero gradients
/// give points at theta. `at_theta` says whether the step evaluates the domains at theta first.
template <class T>
concept PerturbationPolicy = DeclaresReads<T> && std::copyable<T> && ValidatesConst<T> &&
    CountsRemembered<T> && MeasuresInMetric<T> && CountsVisits<T> && FrequencyIsShare<T> &&
    ReadsLessInEffect<T> && requires(const T policy, Step& step, std::size_t j) {
  typename std::bool_constant<static_cast<bool>(T::at_theta)>;
  { policy.points(step) } -> Count;
  { policy.point(step, j) } -> std::same_as<Point>;
};

/// A member `rho`, a floating-point number, is the radius that a schedule sets.
template <class T>
concept HasRadius = requires(T policy) {
  policy.rho = 0.0;
  requires std::floating_point<decltype(policy.rho)>;
};

/// What to evaluate there: `slice(step, j)` names the data of point j.
template <class T>
concept CapturePolicy = std::copyable<T> && ValidatesConst<T> && CountsRemembered<T> &&
    EvaluatesShare<T> && requires(const T policy, Step& step, std::size_t j) {
  { policy.slice(step, j) } -> std::same_as<Slice>;
};

/// A direction that is a linear combination of rows, with coefficients from losses, norms and inner
/// products: it never sees a tensor.
template <class T>
concept LinearAlignment = requires(const T policy, Step& step) {
  { policy.direction(step) } -> std::convertible_to<Combination>;
};

/// A direction computed coordinate by coordinate: `combine(rows)` gets one parameter's gradient in
/// each domain that reaches it (same shape, at least one) and returns that parameter's direction.
/// Where m of K domains reach it, the direction is m / K of that: a rule that returns the mean
/// gives the gradient of the mean loss.
///
/// A rule that draws has `combine(rows, step, i)` instead: draws that follow from a seed, the
/// step's index and i, the parameter's number, are the same in a resumed run.
template <class T>
concept ElementwiseAlignment = requires(const T policy, std::span<const at::Tensor> rows) {
  { policy.combine(rows) } -> std::same_as<at::Tensor>;
}
|| requires(const T policy, std::span<const at::Tensor> rows, const Step& step, std::size_t i) {
  { policy.combine(rows, step, i) } -> std::same_as<at::Tensor>;
};

/// One of the two.
template <class T>
concept GivesDirection = LinearAlignment<T> || ElementwiseAlignment<T>;

/// Which direction the base optimizer gets.
///
/// Axioms: equal rows give that row (or a documented multiple); permuting the domains changes
/// nothing but rounding, unless the policy says that it is ordered; zero rows give zero.
template <class T>
concept AlignmentPolicy = DeclaresReads<T> && std::copyable<T> && ValidatesConst<T> &&
    CountsRemembered<T> && StepsAfterBase<T> && GivesDirection<T>;

}  // namespace v1
}  // namespace roga
