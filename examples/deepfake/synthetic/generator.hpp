// SPDX-License-Identifier: MIT
// Writes the synthetic data set: rendered faces in DeepfakeBench's layout and index format.
#pragma once

#include <string_view>

#include "synthetic/dataset.hpp"

namespace deepfake {

inline constexpr int generator_version = 2;  ///< rises whenever the same options give other pixels

struct SyntheticOptions : SetOptions {
  int train_identities = 200;  ///< identities come in pairs that swap faces; all four are even
  int val_identities = 40;
  int test_identities = 60;
  int unseen_identities = 40;  ///< per unseen test set

  /// The options that may differ from a preset, see options/fields.hpp.
  template <class Visit>
  void visit(Visit&& field) {
    field("seed", seed, "seed of identities and frames");
    field("size", image_size, "side of a frame in pixels");
    field("train-identities", train_identities, "instead of the preset's");
    field("val-identities", val_identities, "instead of the preset's");
    field("test-identities", test_identities, "instead of the preset's");
    field("unseen-identities", unseen_identities, "instead of the preset's");
    field("frames", frames_per_video, "instead of the preset's");
    field("threads", threads, "the result does not depend on it");
  }

  /// "quick" (seconds), "demo" (the defaults) or "full" (as many identities as FaceForensics++).
  static SyntheticOptions preset(std::string_view name);
};

/// Makes output/rgb, output/dataset_json and, last, output/synthetic.json.
/// @throws std::runtime_error if an option is out of range, if the folder holds something else
/// (a synthetic set of other options only without `force`), or if a file cannot be written.
SyntheticSummary make_synthetic(const SyntheticOptions& options,
                                const ProgressCallback& progress = {});

}  // namespace deepfake
