// SPDX-License-Identifier: MIT
// What a run trains and validates on.
#pragma once

#include <string>
#include <vector>

#include "data/index.hpp"
#include "training/options.hpp"

namespace deepfake {

struct TrainingSet {
  Index train;                        ///< the reals and the manipulations of the protocol
  std::vector<Index> val;             ///< by data set, the same manipulations
  std::vector<std::string> datasets;  ///< that train comes from
  std::vector<std::string> domains;   ///< manipulations of the protocol
  std::string fingerprint;            ///< of the whole index
  bool synthetic = false;
};

/// @throws std::runtime_error, one line: data that is missing, an unknown name, people who are in
/// two splits
TrainingSet load_training_set(const TrainOptions& options);

}  // namespace deepfake
