// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numbers>
#include <roga/tensor/check.hpp>
#include <roga/tensor/torch.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// Factor of the learning rates in a step, by its index 0, 1, 2, ...
using LearningRateFactor = std::function<double(std::int64_t)>;

/// Factors over time, for `set_learning_rates`.
namespace learning_rates {

/// Options of `warm_up_cosine`.
struct WarmUpCosine {
  std::int64_t warm_up = 0;  ///< steps before the factor is 1, in [0, steps)
  std::int64_t steps = 1;    ///< from the first of all steps to the end of the cosine, >= 1
  double from = 0.0;         ///< where the warm-up begins, in [0, 1]; its first step is above it
  double least = 0.0;        ///< where the cosine ends, in [0, 1]
};

/// A linear warm-up (Goyal et al. 2017, arXiv 1706.02677, section 2.2), then half a cosine
/// (Loshchilov and Hutter, ICLR 2017, arXiv 1608.03983, equation 5, without restarts):
///
///     from + (1 - from) (t + 1) / (warm_up + 1)                                 t < warm_up
///     least + (1 - least) (1 + cos(pi (t - warm_up) / (steps - warm_up))) / 2   t < steps
///     least                                                                     later
///
/// 1 in step `warm_up`, and above `least` in each step before `steps`.
/// @throws c10::Error naming an option out of range
inline LearningRateFactor warm_up_cosine(WarmUpCosine options) {
  detail::require(options.steps >= 1, "steps", "at least 1", static_cast<double>(options.steps));
  detail::require(options.warm_up >= 0 && options.warm_up < options.steps, "warm_up",
                  "at least 0 and below steps", static_cast<double>(options.warm_up));
  detail::require(options.from >= 0 && options.from <= 1, "from", "in [0, 1]", options.from);
  detail::require(options.least >= 0 && options.least <= 1, "least", "in [0, 1]", options.least);
  return [=](std::int64_t step) {
    const auto [warm_up, steps, from, least] = options;
    if (step < warm_up) {
      return from + (1 - from) * static_cast<double>(step + 1) / static_cast<double>(warm_up + 1);
    }
    if (step >= steps) return least;
    const double share = static_cast<double>(step - warm_up) / static_cast<double>(steps - warm_up);
    return least + (1 - least) * (1 + std::cos(std::numbers::pi * share)) / 2;
  };
}

}  // namespace learning_rates

/// Gives each parameter group its base rate times the factor. Call it before a step: the rates are
/// a function of the step's index, so a resumed run needs no scheduler's state.
///
///     const auto factor = roga::learning_rates::warm_up_cosine({.warm_up = 500, .steps = 10000});
///     for (std::int64_t step = 0; step < 10000; ++step) {
///       roga::set_learning_rates(optimizer, {0.1, 0.01}, factor(step));
///
/// @param optimizer any of LibTorch's, wrapped or not; one whose options have no `set_lr` throws
/// @param base_rates one for each parameter group, finite, >= 0
/// @param factor finite, >= 0
/// @throws c10::Error if a number is out of range, or not one for each group; no rate has changed
/// then
inline void set_learning_rates(torch::optim::Optimizer& optimizer,
                               const std::vector<double>& base_rates, double factor) {
  auto& groups = optimizer.param_groups();
  TORCH_CHECK(base_rates.size() == groups.size(), "roga: set_learning_rates() got ",
              base_rates.size(), " base rates, the optimizer has ", groups.size(),
              " parameter groups");
  detail::require(std::isfinite(factor) && factor >= 0, "factor", "finite and not negative",
                  factor);
  for (const double rate : base_rates) {
    detail::require(std::isfinite(rate) && rate >= 0, "a base rate", "finite and not negative",
                    rate);
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].options().set_lr(base_rates[i] * factor);
  }
}

}  // namespace v1
}  // namespace roga
