// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <map>
#include <span>
#include <utility>

#include "data/index.hpp"
#include "networks/detector.hpp"

namespace deepfake {

/// How many of the detector's first stages give the same for an image in every step: nothing in
/// them is trained, keeps statistics or draws random numbers.
/// @param size of the images
std::size_t frozen_stages(Detector& detector, int size);

/// What frozen first stages make of an index's frames, worked out when first asked for.
class FrozenOutputs {
 public:
  /// @param detector must outlive this
  /// @param type of the passes
  /// @param limit_bytes beyond it, outputs are worked out again each time
  FrozenOutputs(Detector& detector, std::size_t stages, at::ScalarType type,
                std::size_t limit_bytes)
      : detector_(detector), stages_(stages), type_(type), limit_(limit_bytes) {}

  /// @param images one for each frame; those of known frames are not looked at
  at::Tensor of(std::span<const FrameRef> frames, const at::Tensor& images);

  /// Passes of one image that were made.
  std::size_t worked_out() const { return worked_out_; }

 private:
  Detector& detector_;
  std::size_t stages_;
  at::ScalarType type_;
  std::size_t limit_;
  std::size_t bytes_ = 0;
  std::size_t worked_out_ = 0;
  std::map<std::pair<std::size_t, std::size_t>, at::Tensor> known_;
};

}  // namespace deepfake
