// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace support {

/// Removes a folder of files. Not std::filesystem::remove_all, which crashes in programs that link
/// LibTorch from a Python wheel (PyTorch issue 133437).
inline void remove_folder(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder)) return;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::filesystem::remove(file.path());
  }
  std::filesystem::remove(folder);
}

}  // namespace support
