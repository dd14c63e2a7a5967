// SPDX-License-Identifier: MIT
// How a detector stands what happens to pictures on their way.
#pragma once

#include <functional>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

#include "detection/test_data.hpp"
#include "runs/analysis_files.hpp"

namespace deepfake {

/// One way to spoil a picture, at rising strength. `level` is its parameter.
struct Corruption {
  std::string name;            ///< jpeg, blur, resize or noise
  std::vector<double> levels;  ///< quality; sigma in pixels; factor; deviation of 255
};
const std::vector<Corruption>& corruptions();

/// @p image, 8-bit RGB, spoiled. Noise depends on @p key alone.
cv::Mat corrupt(const cv::Mat& image, const std::string& corruption, double level,
                std::uint64_t key);

/// AUC for every manipulation under every corruption and level, and without any ("none"); pictures
/// are spoiled at the size they have on disk, before the network's. Writes RUN/robustness.csv.
/// @param names of corruptions; all if empty
std::vector<RobustnessRow> robustness(const TestOptions& options,
                                      const std::vector<std::string>& names);

/// Mean AUC over manipulations by corruption and level.
std::string to_text(const std::vector<RobustnessRow>& rows);

}  // namespace deepfake
