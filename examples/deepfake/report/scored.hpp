// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "report/comparison.hpp"

namespace deepfake {

struct Scored {
  std::vector<double> scores;
  std::vector<int> labels;

  bool has_both() const {
    return std::ranges::find(labels, 0) != labels.end() &&
           std::ranges::find(labels, 1) != labels.end();
  }
};

/// Frame scores of a domain: its fakes and the reals of its data set.
inline Scored scores_of(const Run& run, const TestDomain& domain) {
  Scored scored;
  for (const FrameScore& score : run.scores) {
    if (score.dataset != domain.dataset || score.compression != domain.compression) continue;
    if (score.label == 1 && score.domain != domain.domain) continue;
    scored.scores.push_back(score.prob);
    scored.labels.push_back(score.label);
  }
  return scored;
}

/// The run of a group that its curves show.
inline const Run& shown_run(const RunGroup& group) { return *group.runs.front(); }

}  // namespace deepfake
