// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

namespace deepfake {

/// The candidate with the fewest edits (insert, delete, replace, swap of neighbours) from @p name;
/// empty if none is close enough to be meant.
std::string nearest(const std::string& name, std::span<const std::string> candidates);

/// "unknown KIND 'NAME': did you mean 'X'?", or all candidates where none is close.
std::string unknown_name(const std::string& kind, const std::string& name,
                         std::span<const std::string> candidates);

}  // namespace deepfake
