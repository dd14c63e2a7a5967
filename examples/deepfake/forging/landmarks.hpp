// SPDX-License-Identifier: MIT
// Landmarks of a frame, where DeepfakeBench's layout keeps them: frames/VIDEO/007.png has
// landmarks/VIDEO/007.npy.
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <optional>
#include <vector>

namespace deepfake {

/// Of a frame in a folder `frames`; empty for any other.
std::filesystem::path landmarks_file(const std::filesystem::path& frame);

/// Reads a NumPy array of 68 or 81 points (x, y), of float32 or float64, or of int32 or int64.
/// @throws std::runtime_error naming the file, and what it is in place of that
std::vector<cv::Point2f> read_landmarks(const std::filesystem::path& file);

/// Width and height of an image file; of a PNG without decoding it.
/// @throws std::runtime_error naming a file that cannot be read
cv::Size image_size(const std::filesystem::path& file);

}  // namespace deepfake
