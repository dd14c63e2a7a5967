// SPDX-License-Identifier: MIT
// Forgeries made from real pictures, for a detector to learn from: a source and a target, of which
// one has been changed, blended within a part of the face. After self-blended images (Shiohara and
// Yamasaki, CVPR 2022, arXiv 2204.08376) and Face X-ray (Li et al., CVPR 2020, arXiv 1912.13458).
#pragma once

#include <opencv2/core.hpp>
#include <string_view>

#include "forging/face_shape.hpp"
#include "random/random.hpp"

namespace deepfake {

/// 8-bit RGB, square, and where its face lies.
struct Picture {
  cv::Mat image;
  FaceShape shape;
};

/// A forgery, and the real picture that it differs from within the mask alone.
struct Forged {
  cv::Mat real;  ///< 8-bit RGB
  cv::Mat fake;
  cv::Mat mask;  ///< CV_32F: the source's share
};

struct ForgeOptions {
  /// The real picture stays as it is; else a self-blend changes it as often as the source.
  bool keep_target = false;
};

/// What a kind does:
///   self-blend   the face itself, moved, in other colours or of another sharpness
///   region-swap  another person's face, eyes or mouth, in the target's colours
///   resample     the face through a lower resolution
///   recolour     the face in other colours
///   warp         the face, bent
///   recompress   the face through JPEG compression
/// @param kind one of pseudo_kinds
/// @param donor another person; only region-swap looks at it
/// @param random all that happens depends on
Forged forge(std::string_view kind, const Picture& target, const Picture* donor,
             const Random& random, const ForgeOptions& options = {});

/// Whether the kind needs a donor.
bool needs_donor(std::string_view kind);

}  // namespace deepfake
