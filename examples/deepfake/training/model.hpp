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

/// What the model is given for a pixel: the convention that the options name, with the numbers that
/// they give in its place.
/// @throws std::runtime_error for an unknown one
Normalisation normalisation_of(const ModelOptions& options);

/// Training mode, but for the parts that @p frozen names or none of whose parameters is trained:
/// running statistics stay there.
void set_training_mode(Detector& detector, const std::vector<std::string>& frozen);

/// Takes the parameters of @p names (a whole name, or the beginning of one up to a dot) out of
/// training.
/// @throws std::runtime_error naming one that there is not, or if nothing is left to train
void freeze(Detector& detector, const std::vector<std::string>& names);

/// Trains the parameters that @p only names, all if it names none, less those of @p frozen.
/// @param only names as for freeze(), which may have * and ? for any letters, or "normalisation",
/// the weights of all normalisation layers
/// @throws std::runtime_error as freeze()
void choose_trained(Detector& detector, const std::vector<std::string>& only,
                    const std::vector<std::string>& frozen);

/// Gives layers that look across a batch, or draw numbers for its rows, the rows of other
/// processes.
/// @param frozen as for set_training_mode
/// @throws std::runtime_error if batch norm of a TorchScript file would look at this process's
/// alone
void share_batches(Detector& detector, const std::vector<std::string>& frozen,
                   const std::shared_ptr<const SharedBatch>& batch);

std::int64_t count_parameters(const torch::nn::Module& detector);
/// Those that are trained.
std::int64_t count_trained(const torch::nn::Module& detector);

}  // namespace deepfake
