// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "networks/detector.hpp"
#include "training/options.hpp"

namespace deepfake {

struct SharedBatch;

/// Makes the network that @p options name, with random weights from LibTorch's default generator,
/// or the one in a TorchScript file.
/// @throws std::runtime_error for an unknown name, with the nearest known one
std::shared_ptr<Detector> make_detector(const ModelOptions& options);

/// Whether @p model is a file, not a name.
bool is_model_file(const std::string& model);

/// Training mode, but for the parts that @p frozen names, whose running statistics stay.
void set_training_mode(Detector& detector, const std::vector<std::string>& frozen);

/// Takes the parameters of @p names (a whole name, or the beginning of one up to a dot) out of
/// training.
/// @throws std::runtime_error naming one that there is not, or if nothing is left to train
void freeze(Detector& detector, const std::vector<std::string>& names);

/// Gives layers that look across a batch, or draw numbers for its rows, the rows of other
/// processes.
/// @param frozen as for set_training_mode
/// @throws std::runtime_error if batch norm of a TorchScript file would look at this process's
/// alone
void share_batches(Detector& detector, const std::vector<std::string>& frozen,
                   const std::shared_ptr<const SharedBatch>& batch);

std::int64_t count_parameters(const torch::nn::Module& detector);

}  // namespace deepfake
