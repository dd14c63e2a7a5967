// SPDX-License-Identifier: MIT
// What a camera does to a scene: defocus, exposure, sensor noise.
#pragma once

#include "synthetic/face.hpp"
#include "synthetic/identity.hpp"

namespace deepfake {

/// Blurs by scene.blur (pixels of a 64-pixel frame), multiplies by scene.gain.
/// @return the image without noise, in [0, 1]
cv::Mat expose(const cv::Mat& image, const Scene& scene);

/// Adds independent Gaussian noise to every pixel and channel, clamps to [0, 1].
void add_noise(cv::Mat& image, float deviation, Random& random);

/// Exposes and adds scene.noise; records it in the result.
Face capture(const Face& rendered, const Scene& scene, Random random);

}  // namespace deepfake
