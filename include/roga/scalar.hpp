// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>
#include <roga/detail/torch.hpp>
#include <utility>

namespace roga {
inline namespace v1 {

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
    if (value.device().is_cpu() && !keep_on_device) return {value.item<double>()};
    Scalar scalar;
    scalar.tensor_ = value.detach().to(at::kDouble);
    return scalar;
  }

  /// The number itself; synchronises where it lives on an accelerator.
  double value() const { return tensor_.defined() ? tensor_.item<double>() : value_; }
  /// Whether reading it costs no synchronisation.
  bool on_host() const { return !tensor_.defined(); }
  /// The 0-dimensional tensor of a scalar that is not on the host.
  const at::Tensor& tensor() const { return tensor_; }

  friend Scalar operator-(const Scalar& a) { return a * -1.0; }
  friend Scalar operator+(const Scalar& a, const Scalar& b) {
    return apply(
        a, b, [](auto x, auto y) { return x + y; },
        [](const auto& x, const auto& y) { return x.add(y); });
  }
  friend Scalar operator-(const Scalar& a, const Scalar& b) {
    return apply(
        a, b, [](auto x, auto y) { return x - y; },
        [](const auto& x, const auto& y) { return x.sub(y); });
  }
  friend Scalar operator*(const Scalar& a, const Scalar& b) {
    return apply(
        a, b, [](auto x, auto y) { return x * y; },
        [](const auto& x, const auto& y) { return x.mul(y); });
  }
  /// a / b, and 0 where b is 0: a direction without length has no unit vector, and nothing to add.
  friend Scalar operator/(const Scalar& a, const Scalar& b) {
    return apply(
        a, b, [](auto x, auto y) { return y == 0.0 ? 0.0 : x / y; },
        [](const auto& x, const auto& y) { return x.div(y).masked_fill(y.eq(0), 0.0); });
  }
  friend Scalar sqrt(const Scalar& a) {
    return a.on_host() ? Scalar(std::sqrt(a.value_)) : Scalar::of(a.tensor_.sqrt());
  }

  /// Tests set it to run the accelerator's arithmetic on the CPU.
  static inline thread_local bool keep_on_device = false;

 private:
  template <class Host, class Device>
  static Scalar apply(const Scalar& a, const Scalar& b, Host host, Device device) {
    if (a.on_host() && b.on_host()) return {host(a.value_, b.value_)};
    const auto& options = (a.on_host() ? b : a).tensor_;
    Scalar result;
    result.tensor_ = device(a.like(options), b.like(options));
    return result;
  }
  at::Tensor like(const at::Tensor& other) const {
    return on_host() ? other.new_full({}, value_) : tensor_.to(other.device());
  }

  double value_ = 0.0;
  at::Tensor tensor_;
};

}  // namespace v1
}  // namespace roga
