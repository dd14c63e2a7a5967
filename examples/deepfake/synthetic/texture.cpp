// SPDX-License-Identifier: MIT
#include "synthetic/texture.hpp"

#include <cmath>
#include <cstddef>

namespace deepfake {

float Texture::operator()(float x, float y) const {
  const float floor_x = std::floor(x);
  const float floor_y = std::floor(y);
  const float u = x - floor_x;
  const float v = y - floor_y;
  const float a = u * u * (3.0F - 2.0F * u);
  const float b = v * v * (3.0F - 2.0F * v);
  constexpr int mask = size_ - 1;
  const int x0 = static_cast<int>(floor_x) & mask;
  const int y0 = static_cast<int>(floor_y) & mask;
  const int x1 = (x0 + 1) & mask;
  const int y1 = (y0 + 1) & mask;
  const auto at = [this](int column, int row) {
    return lattice_[static_cast<std::size_t>(row * size_ + column)];
  };
  const float top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * a;
  const float bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * a;
  return top + (bottom - top) * b;
}

float Texture::octaves(float x, float y, int count, float gain) const {
  float sum = 0.0F;
  float amplitude = 1.0F;
  for (int octave = 0; octave < count; ++octave) {
    sum += amplitude * (*this)(x, y);
    amplitude *= gain;
    x = 2.0F * x + 17.3F;
    y = 2.0F * y + 5.9F;
  }
  return sum;
}

}  // namespace deepfake
