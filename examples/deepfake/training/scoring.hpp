// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "metrics/evaluation.hpp"
#include "training/image_cache.hpp"
#include "training/model.hpp"

namespace deepfake {

/// The probability of "fake" for every frame of @p index, in its order. The detector is in
/// evaluation mode afterwards. Images come from @p cache, which belongs to @p index; broken ones
/// are skipped, and the cache then names them.
/// @param scored called with the number of frames after each batch
std::vector<FrameScore> score_frames(Detector& detector, const Index& index, ImageCache& cache,
                                     const std::function<void(std::size_t)>& scored = {});

}  // namespace deepfake
