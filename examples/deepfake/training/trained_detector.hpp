// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "report/run_files.hpp"
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

/// Keeps the TorchScript file that a run begins with in its folder, so that the run needs no other.
void keep_model_file(const ModelOptions& options, const std::filesystem::path& run);
/// The same options with the file that the run keeps, if it keeps one.
ModelOptions model_of_run(ModelOptions options, const std::filesystem::path& run);

/// @throws std::runtime_error for a device that LibTorch does not know or that is not there
at::Device checked_device(const std::string& device);

}  // namespace deepfake
