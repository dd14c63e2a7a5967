// SPDX-License-Identifier: MIT
// Writes the synthetic data set: rendered faces in DeepfakeBench's layout and index format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "synthetic/dataset.hpp"

namespace deepfake {

inline constexpr int generator_version = 1;  ///< rises whenever the same options give other pixels

struct SyntheticOptions {
  std::filesystem::path output;
  std::uint64_t seed = 1;
  int image_size = 64;
  int train_identities = 200;  ///< identities come in pairs that swap faces; all four are even
  int val_identities = 40;
  int test_identities = 60;
  int unseen_identities = 40;  ///< per unseen test set
  int frames_per_video = 4;
  int threads = 2;     ///< the result does not depend on it
  bool force = false;  ///< replace a synthetic set that was made with other options

  /// "quick" (seconds), "demo" (the defaults) or "full" (as many identities as FaceForensics++).
  static SyntheticOptions preset(std::string_view name);
};

/// Makes output/rgb, output/dataset_json and, last, output/synthetic.json.
/// @throws std::runtime_error if an option is out of range, if the folder holds something else
/// (a synthetic set of other options only without `force`), or if a file cannot be written.
SyntheticSummary make_synthetic(const SyntheticOptions& options,
                                const ProgressCallback& progress = {});

}  // namespace deepfake
