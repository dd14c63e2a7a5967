// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "training/options.hpp"

namespace deepfake {

/// Learning rate of a step, counted from 0: a function of the step alone, so a resumed run needs no
/// scheduler state. Linear warm-up, then constant; half a cosine from lr to final_lr * lr; or a
/// factor of step_gamma every step_epochs.
double learning_rate(const ScheduleOptions& options, std::int64_t step,
                     std::int64_t steps_per_epoch, std::int64_t total_steps);

}  // namespace deepfake
