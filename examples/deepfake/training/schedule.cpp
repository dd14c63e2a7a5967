// SPDX-License-Identifier: MIT
#include "training/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace deepfake {

double learning_rate(const ScheduleOptions& options, std::int64_t step,
                     std::int64_t steps_per_epoch, std::int64_t total_steps) {
  const std::int64_t warmup = std::min<std::int64_t>(options.warmup_steps, total_steps);
  if (step < warmup) {
    return options.lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
  }
  if (options.schedule == "cosine") {
    const auto span = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup));
    const double progress = static_cast<double>(step - warmup) / span;
    const double low = options.lr * options.final_lr;
    return low + (options.lr - low) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  }
  if (options.schedule == "step") {
    const std::int64_t drops = step / (steps_per_epoch * options.step_epochs);
    return options.lr * std::pow(options.step_gamma, static_cast<double>(drops));
  }
  return options.lr;
}

}  // namespace deepfake
