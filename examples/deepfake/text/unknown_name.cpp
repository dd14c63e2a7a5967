// SPDX-License-Identifier: MIT
#include "text/unknown_name.hpp"

#include <algorithm>
#include <vector>

namespace deepfake {
namespace {

/// Optimal string alignment distance.
std::size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1,
                             cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest(const std::string& name, std::span<const std::string> candidates) {
  std::string best;
  std::size_t fewest = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edits(name, candidate);
    // Between equals, letters in the wrong order are likelier than a letter too many or too few.
    const bool is_nearer =
        distance < fewest || (distance == fewest && !best.empty() &&
                              candidate.size() == name.size() && best.size() != name.size());
    if (is_nearer && distance < candidate.size()) {
      fewest = distance;
      best = candidate;
    }
  }
  return best;
}

std::string unknown_name(const std::string& kind, const std::string& name,
                         std::span<const std::string> candidates) {
  const std::string message = "unknown " + kind + " '" + name + "'";
  if (const std::string meant = nearest(name, candidates); !meant.empty()) {
    return message + ": did you mean '" + meant + "'?";
  }
  std::string known;
  for (const std::string& candidate : candidates) known += (known.empty() ? "" : ", ") + candidate;
  return message + ": known are " + known;
}

}  // namespace deepfake
