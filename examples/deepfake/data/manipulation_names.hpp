// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "data/index.hpp"

namespace deepfake {

/// The manipulation of @p index that @p name means: its own name, its label, what a label says
/// after
/// "_fake-" or "FF-", or a folder that all of its frames lie in and no others. Upper and lower case
/// and signs between letters do not count.
/// @return nothing if no manipulation is meant, or several are
std::optional<std::string> manipulation_named(const std::string& name, const Index& index);

}  // namespace deepfake
