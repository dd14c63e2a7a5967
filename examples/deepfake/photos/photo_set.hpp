// SPDX-License-Identifier: MIT
// Forges photographs of faces: the same families, layout and index as the rendered set.
#pragma once

#include <filesystem>

#include "synthetic/dataset.hpp"

namespace deepfake {

struct PhotoOptions : SetOptions {
  std::filesystem::path photos;   ///< folder of photographs; a sub-folder holds one person's
  std::filesystem::path cascade;  ///< face detector; empty: OpenCV's own
  bool crop = true;               ///< false: every image is an aligned face crop already
};

inline constexpr int fewest_identities = 6;  ///< two in each of three splits, who swap faces

/// Makes output/rgb, output/dataset_json, output/identities.csv (who comes from which photograph)
/// and, last, output/synthetic.json. A fifth of the identities each go to validation and to test;
/// the unseen sets are made of the test identities.
/// @throws std::runtime_error if an option is out of range, if there are too few faces, if the
/// output folder holds something else, or if a file cannot be written.
SyntheticSummary make_photo_set(const PhotoOptions& options, const ProgressCallback& progress = {});

}  // namespace deepfake
