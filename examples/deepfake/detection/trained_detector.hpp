// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "runs/run_files.hpp"
#include "training/model.hpp"

namespace deepfake {

/// A detector that a run has trained, in evaluation mode.
struct TrainedDetector {
  std::filesystem::path run;  ///< the run's folder
  TrainOptions options;       ///< that it was trained with
  RunConfig config;
  std::int64_t epoch = 0;
  std::shared_ptr<Detector> detector;
};

/// @param path a run folder, or one of its checkpoints
/// @param checkpoint of a run folder: best or last
/// @param device cpu, cuda or cuda:N
/// @throws std::runtime_error naming the folder or file that is missing or damaged
TrainedDetector open_trained(const std::filesystem::path& path,
                             const std::string& checkpoint = "best",
                             const std::string& device = "cpu");

}  // namespace deepfake
