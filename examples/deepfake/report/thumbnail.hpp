// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace deepfake {

/// The image as a data URL, shrunk to at most @p max_height pixels.
/// @throws std::runtime_error naming a file that cannot be read
std::string thumbnail(const std::filesystem::path& file, int max_height = 96);

}  // namespace deepfake
