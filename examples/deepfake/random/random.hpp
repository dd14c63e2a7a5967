// SPDX-License-Identifier: MIT
// Random numbers that are the same on every platform, in streams that do not depend on order.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace deepfake {

/// xoshiro256**, seeded by splitmix64.
///
/// A generator is also a *key*: `fork(tags…)` returns a stream that depends on the key and the tags
/// only, never on what was drawn before. Each identity, frame and manipulation owns such a stream,
/// so that neither threads nor changed options move anybody else's numbers.
class Random {
 public:
  explicit Random(std::uint64_t key) : key_(key) {
    std::uint64_t walker = key;
    for (auto& word : state_) word = mix(walker += 0x9E3779B97F4A7C15ULL);
  }

  template <typename... Tags>
  Random fork(const Tags&... tags) const {
    std::uint64_t key = key_;
    ((key = mix(key ^ (hash(tags) + 0x9E3779B97F4A7C15ULL))), ...);
    return Random(key);
  }

  std::uint64_t bits() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// In [0, 1), with 24 bits.
  float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-24F; }
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// In [low, high], both included.
  int integer(int low, int high) {
    const auto span = static_cast<std::uint64_t>(high - low + 1);
    return low + static_cast<int>(((bits() >> 32) * span) >> 32);
  }
  bool chance(float probability) { return uniform() < probability; }

  float normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const float radius = std::sqrt(-2.0F * std::log(1.0F - uniform()));
    const float angle = 2.0F * std::numbers::pi_v<float> * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }
  float normal(float mean, float deviation) { return mean + deviation * normal(); }

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  static std::uint64_t hash(std::integral auto tag) { return static_cast<std::uint64_t>(tag); }
  static std::uint64_t hash(std::string_view tag) {  // FNV-1a
    std::uint64_t h = 0xCBF29CE484222325ULL;
    for (const char c : tag) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return h;
  }

  std::uint64_t key_;
  std::array<std::uint64_t, 4> state_{};
  float spare_ = 0.0F;
  bool has_spare_ = false;
};

}  // namespace deepfake
