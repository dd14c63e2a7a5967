// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <roga/tensor/check.hpp>
#include <roga/tensor/torch.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// How the scale grows and backs off; the defaults are those of PyTorch's GradScaler.
struct LossScalerOptions {
  double scale = 65536.0;               ///< initial factor, > 0; powers of two change no bit
  double growth = 2.0;                  ///< finite, > 1
  double backoff = 0.5;                 ///< in (0, 1)
  std::int64_t growth_interval = 2000;  ///< steps without overflow before the factor grows, >= 1
};

/// Keeps small gradients of half-precision passes from vanishing: the loss is multiplied before the
/// backward pass, and the optimizer divides the gradients again before it does anything with them.
///
///     roga::LossScaler scaler;
///     optimizer.attach(scaler);
///     optimizer.step([&] {
///       auto loss = ...;                  // in half precision
///       scaler.scale(loss).backward();
///       return loss;                      // not scaled
///     });
///
/// After a step that overflowed in any of its passes, which is skipped as a whole, the factor backs
/// off; after `growth_interval` steps without one it grows: PyTorch's GradScaler (Micikevicius et
/// al., ICLR 2018, arXiv 1710.03740). Unlike there, the factor has a floor: it comes back from any
/// number of steps that overflow. Copies share one factor, which is saved and loaded with the
/// optimizer. Meant for float32 weights: gradients of half-precision weights are divided in half
/// precision.
class LossScaler {
 public:
  /// @throws c10::Error naming an option out of range
  explicit LossScaler(LossScalerOptions options = {})
      : options_(options), state_(std::make_shared<State>(State{options.scale, 0})) {
    detail::require(
        options.scale > 0 && std::isfinite(options.scale) && std::isfinite(1.0 / options.scale),
        "scale", "positive, with a finite reciprocal", options.scale);
    detail::require(options.growth > 1 && std::isfinite(options.growth), "growth",
                    "finite and above 1", options.growth);
    detail::require(options.backoff > 0 && options.backoff < 1, "backoff", "in (0, 1)",
                    options.backoff);
    detail::require(options.growth_interval >= 1, "growth_interval", "at least 1",
                    static_cast<double>(options.growth_interval));
  }

  /// factor * loss, on the loss's device.
  at::Tensor scale(const at::Tensor& loss) const { return loss * state_->factor; }
  /// What losses are multiplied by, within [least_factor(), most_factor()].
  double factor() const { return state_->factor; }
  /// The factor does not back off further: 2^-14, or `scale` if that is smaller. It is the smallest
  /// normal number of float16, where its reciprocal is a number, too; a step that still overflows
  /// there does not do so because of the factor.
  double least_factor() const { return std::min(0x1p-14, options_.scale); }
  /// The factor does not grow further: 2^126, or `scale` if that is larger. It is the largest power
  /// of two in float32 whose reciprocal is a normal number, too.
  double most_factor() const { return std::max(0x1p126, options_.scale); }
  /// Steps without overflow since the factor changed last.
  std::int64_t steps_since_change() const { return state_->steps; }

  /// What the optimizer calls after a step that overflowed.
  void back_off() { *state_ = {within_bounds(state_->factor * options_.backoff), 0}; }
  /// What the optimizer calls after any other step.
  void advance() {
    if (state_->steps + 1 >= options_.growth_interval) {
      *state_ = {within_bounds(state_->factor * options_.growth), 0};
    } else if (state_->steps < most_steps) {
      ++state_->steps;
    }
  }

  /// The state, for a checkpoint. `check` accepts it, whatever happened.
  std::vector<double> numbers() const {
    return {state_->factor, static_cast<double>(state_->steps)};
  }
  /// @throws c10::Error if these are not the numbers of a scaler
  static void check(const std::vector<double>& numbers) {
    TORCH_CHECK(numbers.size() == 2 && numbers[0] > 0 && numbers[1] >= 0 &&
                    std::isfinite(numbers[0]) && numbers[1] <= static_cast<double>(most_steps),
                "roga: the checkpoint's loss scale is not a positive factor and a step count");
  }
  /// Goes on from there; a factor beyond this scaler's bounds becomes the nearest within.
  /// @throws c10::Error as `check`
  void restore(const std::vector<double>& numbers) {
    check(numbers);
    *state_ = {within_bounds(numbers[0]), static_cast<std::int64_t>(numbers[1])};
  }

 private:
  struct State {
    double factor;
    std::int64_t steps;
  };
  /// The largest number to which a double counts without a gap.
  static constexpr std::int64_t most_steps = (std::int64_t{1} << 53) - 1;

  double within_bounds(double factor) const {
    return std::clamp(factor, least_factor(), most_factor());
  }

  LossScalerOptions options_;
  std::shared_ptr<State> state_;
};

}  // namespace v1
}  // namespace roga
