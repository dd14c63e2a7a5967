// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <opencv2/core.hpp>
#include <vector>

namespace deepfake {

/// Reads an image file as 8-bit RGB (CV_8UC3), resized with cubic interpolation to @p size x @p
/// size pixels, or as large as it is with size 0. Grey and transparent images become RGB, too.
/// @throws std::runtime_error naming a file that is missing, broken or cut off.
cv::Mat read_image(const std::filesystem::path& file, int size = 0);

/// The same as float in [0, 1] (CV_32FC3).
cv::Mat read_image_float(const std::filesystem::path& file, int size = 0);

/// Whether 8-bit RGB has no colour.
bool has_no_colour(const cv::Mat& rgb);

/// Encodes 8-bit RGB as PNG.
std::vector<unsigned char> encode_png(const cv::Mat& rgb);

}  // namespace deepfake
