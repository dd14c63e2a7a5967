// SPDX-License-Identifier: MIT
// The rules of trajectory files, as recipes run through the public API.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace conformance {

using Vector = std::vector<double>;

/// L_k(w) = 0.5 (w - a_k)' H_k (w - a_k), w split over several parameters.
struct Problem {
  std::vector<std::size_t> split;
  Vector start;
  std::vector<std::vector<Vector>> curvatures;  ///< H_k, [K][n][n]
  std::vector<Vector> minima;                   ///< a_k, [K][n]
};

/// Options by the names that trajectory files use.
using Hyper = std::map<std::string, double>;

struct Trajectory {
  Vector first_direction;
  std::vector<Vector> points;  ///< w after each step
};

/// float64, SGD without momentum, one closure per domain.
/// @throws c10::Error if there is no such rule, or one of its options is missing or unknown
Trajectory run(const std::string& rule, const Hyper& hyper, const Problem& problem, double lr,
               int steps);

}  // namespace conformance
