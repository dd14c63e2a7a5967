// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace deepfake {

/// @throws std::runtime_error "FILE: WHAT", always
[[noreturn]] inline void fail_at(const std::filesystem::path& file, const std::string& what) {
  throw std::runtime_error(file.string() + ": " + what);
}

}  // namespace deepfake
