// SPDX-License-Identifier: MIT
// NumPy's file of one array, as DeepfakeBench keeps landmarks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace deepfake {

/// Writes @p values, row by row, as an array of doubles; in one go, so that there is no half file.
void write_npy(const std::filesystem::path& file, std::span<const double> values,
               std::size_t columns);

}  // namespace deepfake
