// SPDX-License-Identifier: MIT
// Value noise on a small periodic lattice: skin, hair, cloth and backgrounds.
#pragma once

#include <array>

#include "random/random.hpp"

namespace deepfake {

class Texture {
 public:
  explicit Texture(Random random) {
    for (auto& value : lattice_) value = random.uniform(-1.0F, 1.0F);
  }

  /// Smooth noise in [-1, 1] with one feature per unit.
  float operator()(float x, float y) const;
  /// Sum of octaves, each of twice the frequency and `gain` times the amplitude of the last.
  float octaves(float x, float y, int count, float gain = 0.5F) const;

 private:
  static constexpr int size_ = 64;
  std::array<float, size_ * size_> lattice_{};
};

}  // namespace deepfake
