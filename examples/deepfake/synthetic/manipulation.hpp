// SPDX-License-Identifier: MIT
// Miniatures of face manipulations. They take any aligned face crop, rendered or photographed.
#pragma once

#include <array>
#include <string_view>

#include "random/random.hpp"
#include "synthetic/face.hpp"

namespace deepfake {

enum class Manipulation {
  // Those to train on leave a fingerprint, as real generators do, or, faceswap, a light of its own.
  deepfakes,        ///< another identity, decoded at low resolution, colour-matched, soft mask
  face2face,        ///< same identity, face re-rendered with another expression
  faceswap,         ///< another identity's pixels, hard mask, light not matched
  neural_textures,  ///< same identity, mouth re-synthesised
  self_blend,       ///< the face pasted onto itself after small changes (SBI)
  face_warp,        ///< the face pasted onto itself from a lower resolution (FWA)
  partial_swap,     ///< eyes or mouth of another identity
  shifted_swap,     ///< a better swap than deepfakes: what Celeb-DF is to FaceForensics++
};

inline constexpr std::array training_manipulations{Manipulation::deepfakes, Manipulation::face2face,
                                                   Manipulation::faceswap,
                                                   Manipulation::neural_textures};

struct Forgery {
  cv::Mat image;  ///< equal to the target's, bit for bit, where the mask is 0
  cv::Mat mask;   ///< CV_32F in [0, 1]
};

/// Whether manipulate() looks at the donor.
bool needs_donor(Manipulation manipulation);

/// @param target the frame to forge
/// @param donor a face of somebody else, of the same image size; ignored if !needs_donor()
Forgery manipulate(Manipulation manipulation, const Face& target, const Face& donor, Random random);

}  // namespace deepfake
