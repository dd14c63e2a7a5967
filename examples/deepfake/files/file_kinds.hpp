// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace deepfake {

/// By the file's ending, in small or capital letters.
bool is_image_file(const std::filesystem::path& file);
bool is_video_file(const std::filesystem::path& file);

}  // namespace deepfake
