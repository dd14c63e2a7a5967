// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/scalar.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Decides whether a step's numbers are finite. On the host it stops the step at the first that is
/// not; on an accelerator it collects them and reads all in one synchronisation at the end.
class FiniteCheck {
 public:
  /// @param on whether anything is checked at all
  explicit FiniteCheck(bool on) : on_(on) {}

  /// False once a number was not finite.
  bool passed() const { return passed_; }

  /// A gradient at theta, and the losses there.
  void gradient(Step& step, Row row) {
    if (!on_) return;
    const Scalar norm2 = step.dot(row, row);
    if (!norm2.on_host()) {
      unread_.push_back(norm2);  // where it overflows, the gradient counts as not finite
      return;
    }
    // A norm can overflow where every entry is finite.
    passed_ = passed_ && std::isfinite(step.mean_loss().value()) &&
              (std::isfinite(norm2.value()) || all_finite(step.row(row)));
  }
  /// The length of an ascent direction: a chain of points stops where a gradient on the way is not
  /// finite.
  void ascent(const Scalar& length) {
    if (on_ && length.on_host() && !std::isfinite(length.value())) passed_ = false;
    if (passed_) ascents_.push_back(length);
  }
  /// What the base optimizer is about to get, and everything that has not been read yet.
  /// @param losses as numbers, and as the tensors that they came from
  void direction(const Scalar& norm, const GradientList& direction, const GradientList& after_base,
                 const std::vector<Scalar>& losses, const std::vector<at::Tensor>& loss_tensors) {
    if (!on_) return;
    // Norms first, in one synchronisation; they can overflow where every entry is finite.
    auto numbers = std::exchange(unread_, {});
    numbers.insert(numbers.end(), ascents_.begin(), ascents_.end());
    const auto of_ascents = static_cast<std::ptrdiff_t>(numbers.size());
    numbers.insert(numbers.end(), losses.begin(), losses.end());
    numbers.push_back(norm);
    numbers.push_back(detail::norm(after_base));
    const auto values = Scalar::values(numbers);
    auto finite = [](double value) { return std::isfinite(value); };
    passed_ = std::all_of(values.begin(), values.begin() + of_ascents, finite) &&
              (std::all_of(values.begin() + of_ascents, values.end(), finite) ||
               (all_finite(loss_tensors) && all_finite(direction) && all_finite(after_base)));
  }

 private:
  bool on_;
  bool passed_ = true;
  std::vector<Scalar> unread_;   ///< of gradients at theta, on an accelerator
  std::vector<Scalar> ascents_;  ///< lengths
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
