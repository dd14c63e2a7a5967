// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Tests set it to run an accelerator's arithmetic on the CPU.
inline thread_local bool treat_cpu_as_accelerator = false;

/// Whether numbers of this tensor are read on the host as soon as they are known.
inline bool is_on_host(const at::Tensor& x) {
  return x.device().is_cpu() && !treat_cpu_as_accelerator;
}

}  // namespace detail

/// A number of the step: a loss, a norm, a coefficient.
///
/// Holds a double where the parameters live on the CPU and a 0-dimensional float64 tensor on the
/// parameters' device elsewhere, so that a policy written as plain arithmetic never makes the host
/// wait for an accelerator. `value()` does wait.
class Scalar {
 public:
  /// A number of the host.
  Scalar(double value = 0.0) : value_(value) {}  // NOLINT: numbers are scalars
  /// @param value 0-dimensional, real, on any device.
  static Scalar of(const at::Tensor& value) {
    if (detail::is_on_host(value)) return {value.item<double>()};
    const at::Tensor number = value.requires_grad() ? value.detach() : value;
    return on_device(number.scalar_type() == at::kDouble ? number : number.to(at::kDouble));
  }

  /// The number itself; synchronises where it lives on an accelerator.
  double value() const { return tensor_.defined() ? tensor_.item<double>() : value_; }
  /// The number where it is on the host, and otherwise 0.
  double known() const { return value_; }
  /// Whether reading it costs no synchronisation.
  bool on_host() const { return !tensor_.defined(); }
  /// Whether it is known without a synchronisation to be `number`.
  bool is(double number) const { return on_host() && value_ == number; }
  /// The 0-dimensional tensor of a scalar that is not on the host.
  const at::Tensor& tensor() const { return tensor_; }

  // Adding 0 and multiplying by 1 cost no launch.
  friend Scalar operator-(const Scalar& a) { return a * -1.0; }
  friend Scalar operator+(const Scalar& a, const Scalar& b) {
    if (a.is(0.0)) return b;
    if (b.is(0.0)) return a;
    if (a.on_host()) return b.on_host() ? Scalar(a.value_ + b.value_) : b + a;
    return on_device(b.on_host() ? a.tensor_.add(b.value_) : a.tensor_.add(b.beside(a)));
  }
  friend Scalar operator-(const Scalar& a, const Scalar& b) { return a + -b; }
  friend Scalar operator*(const Scalar& a, const Scalar& b) {
    if (a.is(1.0)) return b;
    if (b.is(1.0)) return a;
    if (a.on_host()) return b.on_host() ? Scalar(a.value_ * b.value_) : b * a;
    return on_device(b.on_host() ? a.tensor_.mul(b.value_) : a.tensor_.mul(b.beside(a)));
  }
  /// a / b, and 0 where b is 0: a direction without length has no unit vector, and nothing to add.
  friend Scalar operator/(const Scalar& a, const Scalar& b) {
    if (b.is(1.0)) return a;
    if (b.is(0.0)) return 0.0;
    if (b.on_host()) {
      return a.on_host() ? Scalar(a.value_ / b.value_) : on_device(a.tensor_.div(b.value_));
    }
    const auto quotient =
        a.on_host() ? b.tensor_.reciprocal().mul_(a.value_) : a.beside(b).div(b.tensor_);
    return on_device(quotient.masked_fill(b.tensor_.eq(0), 0.0));
  }
  /// 1 / a for a number that cannot be 0.
  friend Scalar reciprocal(const Scalar& a) {
    return a.on_host() ? Scalar(1.0 / a.value_) : on_device(a.tensor_.reciprocal());
  }
  friend Scalar sqrt(const Scalar& a) {
    return a.on_host() ? Scalar(std::sqrt(a.value_)) : on_device(a.tensor_.sqrt());
  }
  /// The smaller of a and `bound`; `bound` where a is not a number.
  friend Scalar min(const Scalar& a, double bound) {
    if (a.on_host()) return a.value_ < bound ? a.value_ : bound;
    return on_device(a.tensor_.clamp_max(bound).nan_to_num_(bound));
  }
  /// 1 where a > b, else 0.
  friend Scalar above(const Scalar& a, const Scalar& b) {
    const Scalar difference = a - b;
    if (difference.on_host()) return difference.value_ > 0 ? 1.0 : 0.0;
    return on_device(difference.tensor_.gt(0).to(at::kDouble));
  }
  /// Several numbers for the host, with at most one synchronisation.
  static std::vector<double> values(const std::vector<Scalar>& scalars) {
    std::vector<double> numbers;
    std::vector<at::Tensor> tensors;
    for (const auto& scalar : scalars) {
      numbers.push_back(scalar.value_);
      if (scalar.on_host()) continue;
      const bool first = tensors.empty();
      tensors.push_back(first ? scalar.tensor_ : scalar.beside(on_device(tensors.front())));
    }
    if (tensors.empty()) return numbers;
    const auto fetched = at::stack(tensors).cpu();
    const double* next = fetched.data_ptr<double>();
    for (std::size_t i = 0; i < scalars.size(); ++i) {
      if (!scalars[i].on_host()) numbers[i] = *next++;
    }
    return numbers;
  }

 private:
  static Scalar on_device(at::Tensor number) {
    Scalar scalar;
    scalar.tensor_ = std::move(number);
    return scalar;
  }
  /// The tensor on the device of another scalar.
  at::Tensor beside(const Scalar& other) const {
    const bool there = other.on_host() || tensor_.device() == other.tensor_.device();
    return there ? tensor_ : tensor_.to(other.tensor_.device());
  }

  double value_ = 0.0;
  at::Tensor tensor_;
};

}  // namespace v1
}  // namespace roga
