// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "detection/trained_detector.hpp"

namespace deepfake {

struct Exported {
  double difference = 0;  ///< largest between detector and reloaded file, in logits
  std::int64_t parameters = 0;
};

/// Writes the detector as TorchScript, for torch::jit::load and torch.jit.load:
///     forward(images [N, 3, H, W], RGB in [-1, 1]) -> logits [N], above 0 means fake,
/// for any N, and the H and W that the network allows. Names of parameters stay, after "net." for a
/// network that came as TorchScript. The extra file
/// roga-deepfake.json tells size, normalisation and what the detector was trained on. The file is
/// loaded again and compared on other images, also of another number.
/// @throws std::runtime_error if it cannot be written, or gives other logits than the detector
Exported export_detector(const TrainedDetector& trained, const std::filesystem::path& file);

}  // namespace deepfake
