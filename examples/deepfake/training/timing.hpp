// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/options.hpp"

namespace deepfake {

/// Median seconds of a step of each method, measured in turns on the same batches, so that a busy
/// machine slows all of them alike. Weights are new and nothing is written.
/// @param methods options that differ in method and hyper-parameters only
/// @param rounds steps of each method; a first one is not counted
std::vector<double> step_seconds(std::span<const TrainOptions> methods, int rounds);

/// Images per second of the parts of a training, each alone on this thread.
struct Throughput {
  double decoding = 0;  ///< reading from disk, augmentation, batches
  double cached = 0;    ///< the same with images in memory
  double network = 0;   ///< steps of the method, on a batch that is there already
  std::int64_t images = 0;
};

/// @param steps to measure of each part
Throughput profile(const TrainOptions& options, int steps);
std::string to_text(const Throughput& throughput);

}  // namespace deepfake
