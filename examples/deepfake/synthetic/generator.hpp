// SPDX-License-Identifier: MIT
// Writes the synthetic data set: rendered faces in DeepfakeBench's layout and index format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "synthetic/manipulation.hpp"

namespace deepfake {

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

struct SyntheticSummary {
  struct Count {
    std::size_t videos = 0, frames = 0;
  };
  /// dataset -> label -> split
  std::map<std::string, std::map<std::string, std::map<std::string, Count>>> counts;
  std::size_t identities = 0;
  bool reused = false;  ///< a complete set with the same options was there already
};

/// A test set of manipulations that are never trained on, with its own identities.
struct UnseenSet {
  std::string_view dataset;
  Manipulation manipulation;
  bool shifted_population;
};
inline constexpr std::array unseen_sets{
    UnseenSet{"Synthetic-SBI", Manipulation::self_blend, false},
    UnseenSet{"Synthetic-FWA", Manipulation::face_warp, false},
    UnseenSet{"Synthetic-Partial", Manipulation::partial_swap, false},
    UnseenSet{"Synthetic-Shift", Manipulation::shifted_swap, true}};

/// Called after each pair of identities, from one thread at a time.
using ProgressCallback = std::function<void(std::size_t done, std::size_t total)>;

/// Makes output/rgb, output/dataset_json and, last, output/synthetic.json.
/// @throws std::runtime_error if an option is out of range, if the folder holds something else
/// (a synthetic set of other options only without `force`), or if a file cannot be written.
SyntheticSummary make_synthetic(const SyntheticOptions& options,
                                const ProgressCallback& progress = {});

}  // namespace deepfake
