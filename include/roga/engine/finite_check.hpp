// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/engine/non_finite.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/policy/step_data.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/scalar.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The first tensor of a row with an entry that is not finite.
inline std::optional<std::size_t> first_not_finite(const GradientList& row) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i].defined() && !row[i].isfinite().all().item<bool>()) return i;
  }
  return std::nullopt;
}

/// The losses of a step, one of each present domain.
struct LossesByDomain {
  const std::vector<Scalar>& numbers;
  const std::vector<at::Tensor>& tensors;   ///< that the numbers came from
  const std::vector<std::size_t>& domains;  ///< their positions in the caller's list
};

/// Decides whether a step's numbers are finite. On the host it stops the step at the first that is
/// not; on an accelerator it collects them and reads all in one synchronisation at the end.
class FiniteCheck {
 public:
  /// @param on whether anything is checked at all
  /// @param closely whether to search each gradient for the place of the first such number
  FiniteCheck(bool on, bool closely) : on_(on), closely_(on && closely) {}

  /// False once a number was not finite.
  bool passed() const { return passed_; }
  /// Where the first one was met.
  const std::optional<NonFinitePlace>& place() const { return place_; }

  /// Takes what the ranks of a distributed optimizer agreed on, instead of what this one met.
  void agree(bool passed, const std::optional<NonFinitePlace>& place) {
    passed_ = passed;
    place_ = place;
  }

  /// Notes the place of a loss that a pass returned. Decides nothing; neither does piece().
  void loss(const at::Tensor& value, NonFinitePlace where) {
    if (!on_ || place_ || !is_on_host(value) || std::isfinite(value.item<double>())) return;
    where.in_loss = true;
    place_ = where;
  }
  /// Notes the place of a gradient that a pass left: not all of its numbers reach the direction.
  void piece(const GradientList& row, const NonFinitePlace& where) {
    if (closely_) in_gradient(row, where);
  }
  /// Checks a gradient at theta, and the losses there.
  void gradient(Step& step, Row row, const NonFinitePlace& where) {
    if (!on_) return;
    const Scalar norm2 = step.dot(row, row);
    if (!norm2.on_host()) {
      unread_.push_back(norm2);  // where it overflows, the gradient counts as not finite
      return;
    }
    // A norm can overflow where every entry is finite.
    passed_ = passed_ && std::isfinite(step.mean_loss().value()) &&
              (std::isfinite(norm2.value()) || all_finite(step.row(row)));
    if (!passed_) in_gradient(step.row(row), where);
  }
  /// Checks the length of an ascent direction: a chain of points stops where a gradient on the way
  /// is not finite.
  /// @param rows the gradients that it is made of
  void ascent(const Scalar& length, const Rows& rows, const NonFinitePlace& where) {
    if (on_ && length.on_host() && !std::isfinite(length.value())) {
      passed_ = false;
      in_gradient(rows.latest, where);
      in_gradient(rows.captured_mean, where);
      for (const auto& row : rows.captured) in_gradient(row, where);
    }
    if (passed_) ascents_.push_back(length);
  }
  /// Reads the norms that are known only on an accelerator.
  void read() {
    if (!on_) return;
    auto numbers = std::exchange(unread_, {});
    numbers.insert(numbers.end(), ascents_.begin(), ascents_.end());
    ascents_.clear();
    for (const double value : Scalar::values(numbers)) passed_ = passed_ && std::isfinite(value);
  }
  /// Checks what the base optimizer is about to get, and everything that has not been read yet.
  /// @param where the direction comes from
  void direction(const Scalar& norm, const GradientList& direction, const GradientList& after_base,
                 const LossesByDomain& losses, const NonFinitePlace& where) {
    if (!on_) return;
    // Norms first, in one synchronisation; they can overflow where every entry is finite.
    auto numbers = std::exchange(unread_, {});
    numbers.insert(numbers.end(), ascents_.begin(), ascents_.end());
    const auto of_ascents = static_cast<std::ptrdiff_t>(numbers.size());
    numbers.insert(numbers.end(), losses.numbers.begin(), losses.numbers.end());
    numbers.push_back(norm);
    numbers.push_back(detail::norm(after_base));
    const auto values = Scalar::values(numbers);
    auto finite = [](double value) { return std::isfinite(value); };
    passed_ = std::all_of(values.begin(), values.begin() + of_ascents, finite) &&
              (std::all_of(values.begin() + of_ascents, values.end(), finite) ||
               (all_finite(losses.tensors) && all_finite(direction) && all_finite(after_base)));
    if (passed_) return;
    for (std::size_t k = 0; k < losses.numbers.size() && !place_; ++k) {
      if (finite(values[static_cast<std::size_t>(of_ascents) + k])) continue;
      place_ = {.domain = losses.domains[k], .in_loss = true};
    }
    in_gradient(direction, where);
    in_gradient(after_base, where);
    if (!place_) place_ = where;
  }

 private:
  void in_gradient(const GradientList& row, NonFinitePlace where) {
    if (place_) return;
    where.parameter = first_not_finite(row);
    if (where.parameter) place_ = where;
  }

  bool on_;
  bool closely_;
  bool passed_ = true;
  std::optional<NonFinitePlace> place_;
  std::vector<Scalar> unread_;   ///< of gradients at theta, on an accelerator
  std::vector<Scalar> ascents_;  ///< lengths
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
