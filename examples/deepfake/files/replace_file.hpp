// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string_view>

namespace deepfake {

/// Writes the file in one go: at any moment, and after any failure, it is the old one or the new
/// one. @throws std::runtime_error naming the file and the reason (disk full, no permission).
void replace_file(const std::filesystem::path& file, std::string_view content);

}  // namespace deepfake
