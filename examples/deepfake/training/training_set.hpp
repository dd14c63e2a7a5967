// SPDX-License-Identifier: MIT
// What a run trains and validates on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/index.hpp"
#include "training/options.hpp"

namespace deepfake {

struct TrainingSet {
  Index train;                        ///< the reals and the manipulations of the protocol
  std::vector<Index> val;             ///< by data set, the same manipulations
  std::vector<std::string> datasets;  ///< that train comes from
  std::string protocol;               ///< that of the options, with the manipulation's own name
  /// Manipulations of the protocol, then kinds of forgeries that are made while training, whose
  /// videos are in train and val (see add_pseudo_videos).
  std::vector<std::string> domains;
  Index all;                       ///< all splits of the data sets: what the run depends on
  std::string fingerprint;         ///< of that
  std::vector<std::string> notes;  ///< what a reader of the results has to know of the splits
  Labels labels;                   ///< of --labels
  bool synthetic = false;
};

/// @param all_bytes fingerprint all bytes of the frames, too
/// @throws std::runtime_error, one line: data that is missing, an unknown name, people who are in
/// two splits
TrainingSet load_training_set(const TrainOptions& options, bool all_bytes = false);

/// The labels that a run keeps, or those of @p file if one is given.
Labels labels_of(const std::string& file, const std::filesystem::path& run = {});
/// Where a run keeps them.
std::filesystem::path labels_file(const std::filesystem::path& run);

}  // namespace deepfake
