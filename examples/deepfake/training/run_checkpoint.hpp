// SPDX-License-Identifier: MIT
// One file per checkpoint, written in one go: a kill at any moment leaves the old one or the new.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <roga/weight_average.hpp>
#include <string>

#include "training/methods.hpp"
#include "training/model.hpp"

namespace deepfake {

/// @param optimizer,average left out of the file if null
/// @param state anything else that a run needs to continue
void save_run_checkpoint(const std::filesystem::path& file, const Detector& detector,
                         const torch::optim::Optimizer* optimizer,
                         const roga::WeightAverage* average, const nlohmann::ordered_json& state);

/// A checkpoint's state alone. @throws std::runtime_error naming a file that is missing or broken.
nlohmann::ordered_json read_run_state(const std::filesystem::path& file);

/// Fills @p detector and, unless they are null, @p optimizer and @p average.
/// @return the state
nlohmann::ordered_json load_run_checkpoint(const std::filesystem::path& file, Detector& detector,
                                           torch::optim::Optimizer* optimizer = nullptr,
                                           roga::WeightAverage* average = nullptr);

/// The bytes of what a step of the optimizer leaves alone, and of the weights: for other processes.
std::string saved_beside_optimizer(const Detector& detector, const roga::WeightAverage* average);
void load_beside_optimizer(const std::string& bytes, Detector& detector,
                           roga::WeightAverage* average);

}  // namespace deepfake
