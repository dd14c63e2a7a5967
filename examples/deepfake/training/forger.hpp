// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <mutex>
#include <opencv2/core.hpp>
#include <string>
#include <utility>
#include <vector>

#include "data/image_cache.hpp"
#include "data/index.hpp"
#include "forging/forge.hpp"
#include "training/sampler.hpp"

namespace deepfake {

/// Makes the frames of pseudo videos (see add_pseudo_videos) from the real ones. What it makes
/// depends on its arguments alone; several threads may ask at once.
class Forger {
 public:
  /// @param index with pseudo videos or without; must outlive the forger, as must @p cache
  /// @param region of faces without landmarks: aligned or box
  /// @throws std::runtime_error if a kind needs a donor and all real videos are of one person
  Forger(const Index& index, ImageCache& cache, std::string region);

  /// Whether the frame is one to be made.
  bool makes(FrameRef fake) const { return !index_.videos[fake.video].pseudo.empty(); }

  /// The pair's forgery, and the real frame as it is beside it.
  Forged forge(const SamplePair& pair) const;
  /// The same forgery of the frame in every run, beside which the real frame stays as it is.
  /// Nothing if the real frame cannot be read.
  Forged forge_for_validation(FrameRef fake) const;

  /// How many real videos have landmarks, by their first frame.
  std::size_t videos_with_landmarks() const;
  std::size_t real_videos() const { return reals_.size(); }

 private:
  Forged made(FrameRef fake, const cv::Mat& image, FrameRef real, const Random& random,
              const ForgeOptions& options) const;
  FrameRef donor_for(FrameRef real, Random random) const;
  const FaceShape& shape(FrameRef real, int size) const;

  const Index& index_;
  ImageCache& cache_;
  std::string region_;
  std::vector<std::size_t> reals_;
  std::vector<std::vector<std::string>> people_;  ///< of each of them
  std::map<std::size_t, std::size_t> position_;   ///< of a video in reals_
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::size_t, std::size_t>, FaceShape> shapes_;
  mutable std::map<int, FaceShape> assumed_;  ///< by size
};

}  // namespace deepfake
