// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core.hpp>
#include <span>
#include <vector>

#include "data/image_cache.hpp"
#include "training/forger.hpp"
#include "training/options.hpp"
#include "training/sampler.hpp"

namespace deepfake {

/// 8-bit RGB images of one size as one tensor [N, 3, H, W] in [-1, 1].
at::Tensor to_tensor(std::span<const cv::Mat> images);

/// One domain's share of a step: the real frames, then their fakes in the same order.
struct Batch {
  at::Tensor images;             ///< [2n, 3, H, W]
  at::Tensor labels;             ///< [2n], 0 real and 1 fake
  std::vector<FrameRef> frames;  ///< where the images come from
};
/// @param forger of the fakes that are made; may be null if there are none
Batch make_batch(std::span<const SamplePair> pairs, ImageCache& cache,
                 const AugmentOptions& options, const Forger* forger = nullptr);

/// Mean binary cross-entropy of @p logits, [N].
at::Tensor detection_loss(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace deepfake
