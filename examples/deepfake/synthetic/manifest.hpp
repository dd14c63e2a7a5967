// SPDX-License-Identifier: MIT
// synthetic.json: marks a folder as a complete synthetic set and says how it was made.
#pragma once

#include <optional>

#include "synthetic/generator.hpp"

namespace deepfake {

inline constexpr int generator_version = 1;  ///< rises whenever the same options give other pixels

/// Decides what to do with the output folder. Returns the summary of a complete set with the same
/// options; otherwise clears the remains of a synthetic set where that is allowed and marks the
/// folder as being written.
std::optional<SyntheticSummary> open_output(const SyntheticOptions& options);

/// Writes the manifest under its final name: from now on the set is complete.
void complete_output(const SyntheticOptions& options, const SyntheticSummary& summary);

}  // namespace deepfake
