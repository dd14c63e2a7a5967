// SPDX-License-Identifier: MIT
// FOLDER/left_out.csv: all data that a command could not use. The terminal names the first few.
#pragma once

#include <compare>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace deepfake {

struct LeftOut {
  std::string command = {};  ///< train, evaluate, ...
  std::string dataset = {};
  std::string kind = {};   ///< broken image, unknown label, ...
  std::string place = {};  ///< the file, or the entry of the index
  std::string reason = {};
  auto operator<=>(const LeftOut&) const = default;
};

/// Puts @p rows, as rows of @p command, in the place of those rows of that command that
/// @p is_replaced picks. Without any row left there is no file.
void replace_left_out(const std::filesystem::path& folder, const std::string& command,
                      std::vector<LeftOut> rows,
                      const std::function<bool(const LeftOut&)>& is_replaced = {});

/// Nothing if there is no such file.
std::vector<LeftOut> read_left_out(const std::filesystem::path& folder);

/// "5 left out: 3 broken image, 2 unknown label" by number, the largest first; empty for none.
std::string summary_of(std::span<const LeftOut> rows);

}  // namespace deepfake
