// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace deepfake {

/// What a network is given for a pixel: (value - mean) / deviation, where black is 0 and white is
/// `range`. Red, green, blue.
struct Normalisation {
  std::array<double, 3> mean;
  std::array<double, 3> deviation;
  double range = 1;
};

/// The conventions of the field: deepfakebench, imagenet, clip, dlib, unit.
std::optional<Normalisation> normalisation_named(const std::string& name);
std::vector<std::string> normalisation_names();

}  // namespace deepfake
