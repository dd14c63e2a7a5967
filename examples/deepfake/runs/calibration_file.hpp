// SPDX-License-Identifier: MIT
// RUN/calibration.json: what training fitted on its validation frames.
#pragma once

#include <filesystem>
#include <optional>

#include "metrics/calibration.hpp"

namespace deepfake {

void write_calibration(const std::filesystem::path& run, const Calibration& calibration);
/// Nothing if there is no such file. @throws std::runtime_error naming a file that is malformed
std::optional<Calibration> read_calibration(const std::filesystem::path& run);

}  // namespace deepfake
