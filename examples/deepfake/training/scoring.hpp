// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/image_cache.hpp"
#include "metrics/evaluation.hpp"
#include "training/model.hpp"
#include "training/ranks.hpp"

namespace deepfake {

/// An image of the network's size; none leaves its frame out.
using ImageSource = std::function<cv::Mat(FrameRef)>;

/// The logits of some images of an index.
using FrameJudge =
    std::function<at::Tensor(const at::Tensor& images, std::span<const FrameRef> frames)>;

/// The probability of "fake" for every frame of @p index, in its order. The detector is in
/// evaluation mode afterwards.
/// @param scored called with the number of frames after each batch
std::vector<FrameScore> score_frames(Detector& detector, const Index& index,
                                     const ImageSource& source,
                                     const std::function<void(std::size_t)>& scored = {});
/// The same of frames that the ranks share: each takes its batches of them, and all get all scores.
/// A batch holds the same frames for any number of ranks.
/// @param scored called with the number of this rank's frames after each of its batches
/// @param judge what gives the logits; the detector if empty
std::vector<FrameScore> score_frames(Detector& detector, const Index& index,
                                     const ImageSource& source, Ranks& ranks,
                                     const std::function<void(std::size_t)>& scored = {},
                                     const FrameJudge& judge = {});

/// Whether there is nothing to rank: only real frames, or only fake ones.
bool of_one_kind(std::span<const FrameScore> scores);
/// What to say of a data set that is.
std::string left_out_text(const Index& index);

}  // namespace deepfake
