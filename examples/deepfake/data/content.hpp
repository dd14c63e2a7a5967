// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace deepfake {

/// "SIZE-HASH" of a file's bytes; empty if it cannot be read.
std::string content_of(const std::filesystem::path& file);

/// "SIZE" of a file, as content_of() begins: asked before all of it is read. Empty if there is
/// none.
std::string content_size(const std::filesystem::path& file);
/// The same of what content_of() gave.
std::string size_in(const std::string& content);

}  // namespace deepfake
