// SPDX-License-Identifier: MIT
// Data with faults is used without them; these texts say what was left out.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/index.hpp"
#include "files/left_out.hpp"

namespace deepfake {

/// "data set > label > split > [compression >] video", as index errors name it.
std::string place_of(const Video& video);

/// "3: a, b and 1 more"
std::string count_and_names(std::span<const std::string> names, std::size_t named = 3);

/// "odd: 2 videos, the first X > odd > test > v", for each unknown label.
std::vector<std::string> unknown_label_names(const Faults& faults);

/// What loading @p index left out: a line for each kind of fault, with its count and the first
/// names. Empty, or ends without a line break.
std::string faults_text(const Index& index);

/// All of it, one by one.
std::vector<LeftOut> left_out(const Index& index);

/// The same for image files that could not be decoded: "broken images, skipped, 2: a.png, b.png".
/// Empty if there are none.
std::string broken_text(std::span<const std::filesystem::path> files, const std::string& treated);

}  // namespace deepfake
