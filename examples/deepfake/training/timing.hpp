// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "training/options.hpp"

namespace deepfake {

/// Median seconds of a step of each method, measured in turns on the same batches, so that a busy
/// machine slows all of them alike. Weights are new and nothing is written.
/// @param methods options that differ in method and hyper-parameters only
/// @param rounds steps of each method; a first one is not counted
std::vector<double> step_seconds(std::span<const TrainOptions> methods, int rounds);

}  // namespace deepfake
