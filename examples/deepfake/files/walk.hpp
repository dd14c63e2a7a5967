// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <vector>

namespace deepfake {

/// All files below @p folder, by name. Links to folders are followed, each real folder once, so
/// that a link to a folder above does not go round for ever. Hidden files and folders are left out.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

}  // namespace deepfake
