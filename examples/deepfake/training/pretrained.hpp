// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "networks/detector.hpp"

namespace deepfake {

/// What came of loading weights by name.
struct LoadedWeights {
  std::size_t copied = 0;
  std::vector<std::string> missing;  ///< of the detector, not in the file: they stay as they were
  std::vector<std::string>
      unfitting;  ///< in the file with another shape, as a head of 1000 classes
};

/// Copies parameters and buffers by name from a TorchScript file, from a checkpoint of this
/// program, from dlib's file of its ResNet-34, or from a file of
/// `torch.save(dict(model.state_dict()), file)`, where the dict may lie under "state_dict",
/// "model", "net" or the like. The prefixes that wrappers put before every name, "model.", "net.",
/// "module." and "backbone.", do not count.
/// @throws std::runtime_error naming the file if it is none of these, or if no name fits
LoadedWeights load_weights(Detector& detector, const std::filesystem::path& file);

std::string to_text(const LoadedWeights& weights);

}  // namespace deepfake
