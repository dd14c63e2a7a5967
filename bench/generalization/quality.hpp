// SPDX-License-Identifier: MIT
// Synthetic faces, real and forged, as they come through compression, blur, resizing and noise.
#pragma once

#include "generalization/problem.hpp"

namespace generalization {

/// Trained on all four manipulations in two qualities, each a domain: "light" (JPEG 90, blur of 0.3
/// pixels) and "strong" (JPEG 60, blur of 0.8). Tested on other people, unspoiled and under each
/// corruption alone, at each of its levels: "none", "jpeg 30", "blur 2", ... What lies between the
/// two qualities of training is no shift. Both domains hold the same frames, as FaceForensics++ has
/// each video in c23 and in c40. The data says who is in which split; the seed changes nothing
/// here.
/// @throws std::runtime_error if there are no such faces
Problem quality_problem(const ProblemOptions& options);

}  // namespace generalization
