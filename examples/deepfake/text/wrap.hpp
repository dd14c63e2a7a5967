// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace deepfake {

/// @p text with lines broken at spaces where they are longer than @p width. What follows goes below
/// the description where the line has one (30 columns in, as in help texts), else to the margin.
/// Examples stay whole, for they are copied.
std::string wrapped(const std::string& text, std::size_t width);

}  // namespace deepfake
