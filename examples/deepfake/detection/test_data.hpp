// SPDX-License-Identifier: MIT
// What evaluate, robustness and gradcam share: a trained detector before test data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "data/index.hpp"
#include "detection/trained_detector.hpp"

namespace deepfake {

struct TestOptions {
  std::filesystem::path run;        ///< a run folder, or one of its checkpoints
  std::string checkpoint = "best";  ///< best or last
  std::string data;                 ///< the data the run was trained on, if empty
  std::string rgb_dir;
  std::string compression;
  std::string labels;  ///< file of labels of one's own; those that the run keeps, if empty
  std::vector<std::string> datasets;  ///< all that have the split, if empty
  std::string split = "test";
  std::size_t frames_per_video = 0;
  int threads = 1;
  std::string device = "cpu";
};

struct DetectorTest {
  TrainedDetector trained;
  Index index;               ///< all that the data lists
  std::vector<Index> parts;  ///< by data set
  bool synthetic = false;
  std::size_t frames = 0;
};

/// @throws std::runtime_error, one line that names the file, data set or option
DetectorTest open_test(const TestOptions& options);

/// Where all of it was left out.
inline constexpr char nothing_to_test[] =
    "nothing to test: no data set has both real and fake frames that can be read";

}  // namespace deepfake
