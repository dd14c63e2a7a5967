// SPDX-License-Identifier: MIT
// Renders a procedural face.
#pragma once

#include "synthetic/face.hpp"
#include "synthetic/identity.hpp"

namespace deepfake {

/// Draws the face at twice the size and averages; no blur and no noise yet (camera.hpp adds them).
/// @param size width and height in pixels
Face render(const Identity& identity, const Scene& scene, const Pose& pose, int size);

}  // namespace deepfake
