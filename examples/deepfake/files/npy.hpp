// SPDX-License-Identifier: MIT
// NumPy's file of one array, as DeepfakeBench keeps landmarks.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace deepfake {

struct NpyTable {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> values;  ///< row by row
};

/// Writes @p values, row by row, as an array of doubles; in one go, so that there is no half file.
void write_npy(const std::filesystem::path& file, std::span<const double> values,
               std::size_t columns);

/// Reads an array of two axes: float64, float32, int64 or int32, little-endian, row by row.
/// @throws std::runtime_error naming the file if it is missing, cut off or holds something else
NpyTable read_npy(const std::filesystem::path& file);

}  // namespace deepfake
