// SPDX-License-Identifier: MIT
// Small functions that the painters of the renderer share.
#pragma once

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

namespace deepfake {

using Colour = cv::Vec3f;  ///< BGR, linear light

inline Colour srgb(float red, float green, float blue) {
  // Gamma 2: near enough to sRGB for drawing, and its inverse is a square root.
  const auto linear = [](float v) { return (v / 255.0F) * (v / 255.0F); };
  return {linear(blue), linear(green), linear(red)};
}

inline float mix(float a, float b, float t) { return a + (b - a) * t; }
inline Colour mix(const Colour& a, const Colour& b, float t) { return a + (b - a) * t; }

inline float smooth_step(float low, float high, float v) {
  const float t = std::clamp((v - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3.0F - 2.0F * t);
}

/// Share of a pixel of width `pixel` that lies inside a shape with this signed distance.
inline float coverage(float distance, float pixel) {
  return std::clamp(0.5F - distance / pixel, 0.0F, 1.0F);
}

/// Smooth hill of height 1 over an ellipse, zero outside.
inline float hill(float x, float y, float centre_x, float centre_y, float radius_x,
                  float radius_y) {
  const float u = (x - centre_x) / radius_x;
  const float v = (y - centre_y) / radius_y;
  const float q = 1.0F - u * u - v * v;
  return q > 0.0F ? q * q : 0.0F;
}

inline void paint(Colour& canvas, const Colour& ink, float alpha) {
  if (alpha > 0.0F) canvas = mix(canvas, ink, alpha);
}

}  // namespace deepfake
