// SPDX-License-Identifier: MIT
// A run's folder, as training finds and leaves it. runs/ reads and writes the files in it that
// need no LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "training/options.hpp"
#include "training/training_set.hpp"

namespace deepfake {

/// Whether a run was begun there: it holds config.json.
bool is_run_folder(const std::filesystem::path& folder);

/// The options of an existing run, as given to --resume.
TrainOptions options_of_run(const std::filesystem::path& run);

/// Whether RUN/checkpoints/last.pt is there and its run has come to its end.
bool is_finished(const std::filesystem::path& run);

std::filesystem::path last_checkpoint(const std::filesystem::path& run);
std::filesystem::path best_checkpoint(const std::filesystem::path& run);

/// Removes a run's files, and nothing else that the folder may hold.
void clear_run(const std::filesystem::path& run);

/// Keeps the TorchScript file that a run begins with in its folder, so that the run needs no other.
void keep_model_file(const ModelOptions& options, const std::filesystem::path& run);
/// The same options with the file that the run keeps, if it keeps one.
ModelOptions model_of_run(ModelOptions options, const std::filesystem::path& run);

/// @param state of the run's checkpoint; an option that it does not know had its default
/// @param set the data that @p options name
/// @param verify compare the frames' bytes where their times differ; of a run that kept no hash of
/// them, the first frame of each training video
/// @param advice what to do instead
/// @return what could not be compared, in words; as a rule nothing
/// @throws std::runtime_error if the run has options, a seed or data of its own, and naming one
std::string require_same(const nlohmann::ordered_json& state, const TrainOptions& options,
                         const TrainingSet& set, const std::filesystem::path& run, bool verify,
                         const std::string& advice);
/// The same for a run that may not be there.
std::string require_same_run(const TrainOptions& options, const std::filesystem::path& run,
                             bool verify = false);

/// Whether an option changes no bit of the result, or only where it is worked out.
bool may_differ(const std::string& option);

/// What config.json keeps of the processes that make a run: from which step on there were how many.
/// @param step that the next process or processes make
/// @param config of the run that they continue; null where they begin
nlohmann::ordered_json ranks_of_run(const nlohmann::ordered_json& config, std::int64_t step,
                                    std::size_t ranks);

/// Keeps the meaning of the labels of one's own.
void keep_labels(const Labels& labels, const std::filesystem::path& run);

}  // namespace deepfake
