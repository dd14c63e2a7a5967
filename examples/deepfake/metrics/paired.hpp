// SPDX-License-Identifier: MIT
// Differences in AUC between two methods on the same test videos, over several manipulations and
// seeds at once.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "metrics/bootstrap.hpp"
#include "metrics/evaluation.hpp"

namespace deepfake {

/// AUC of one manipulation against its data set's reals: on the test as it is, and on resamples of
/// its videos.
struct ResampledAuc {
  double observed = 0;
  std::vector<double> resampled;
  /// Equal for runs that were tested on the same frames, almost surely unequal for others.
  std::size_t test = 0;
};

/// @param scores of one run, by frame or by video. How often each video is drawn follows from the
/// bootstrap's seed and the names of data set, manipulation and videos alone: runs that were tested
/// on the same videos see the same resamples, and so do the manipulations of a data set in the
/// reals that they share.
/// @throws std::runtime_error if the data set lacks fakes of @p domain, or reals.
ResampledAuc resampled_auc(std::span<const FrameScore> scores, const std::string& dataset,
                           const std::string& domain, const Bootstrap& bootstrap = {});

/// Mean of @p first minus mean of @p second: over the seeds of two methods, over manipulations, or
/// both. The interval tells how far other test videos would move the difference between these very
/// detectors; it knows nothing of other seeds.
PairedDifference paired_difference(std::span<const ResampledAuc> first,
                                   std::span<const ResampledAuc> second,
                                   const Bootstrap& bootstrap = {});

/// p values adjusted for making several tests at once (Holm 1979), in the order given.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace deepfake
