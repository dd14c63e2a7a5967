// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace deepfake {

/// "SIZE-HASH" of a file's bytes; empty if it cannot be read.
std::string content_of(const std::filesystem::path& file);

/// Whether @p file has the size that @p content names: asked before all of it is read.
bool may_hold(const std::filesystem::path& file, const std::string& content);

}  // namespace deepfake
