// SPDX-License-Identifier: MIT
// synthetic.json: marks a folder as a complete synthetic set and says how it was made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "synthetic/dataset.hpp"

namespace deepfake {

/// What decides the content of a set.
struct SetOrigin {
  std::string source;      ///< where the faces come from: rendered, photographs
  std::string note;        ///< a sentence on what the numbers mean
  int version = 1;         ///< of the source's code: other pixels for the same options
  std::uint64_t seed = 0;  ///< repeated at the top of the manifest
  nlohmann::json options;  ///< equal options give equal sets
};

/// The summary of a complete set of the same origin, if the output folder holds one.
/// @throws std::runtime_error if the folder holds something else that must not be replaced
std::optional<SyntheticSummary> find_complete(const std::filesystem::path& output,
                                              const SetOrigin& origin, bool force);

/// find_complete(); otherwise clears the remains of a synthetic set and marks the folder as being
/// written.
std::optional<SyntheticSummary> open_output(const std::filesystem::path& output,
                                            const SetOrigin& origin, bool force);

/// Writes the manifest under its final name: from now on the set is complete.
void complete_output(const std::filesystem::path& output, const SetOrigin& origin,
                     const SyntheticSummary& summary);

}  // namespace deepfake
