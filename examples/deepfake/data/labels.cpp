// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "data/index.hpp"

namespace deepfake {

std::optional<int> class_of_label(const std::string& label) {
  // DeepfakeBench's names that do not tell their class.
  constexpr std::array<std::string_view, 6> fakes{"FF-DF", "FF-F2F", "FF-FS",
                                                  "FF-NT", "FF-FH",  "FF-SH"};
  if (label == "FF-real") return 0;
  if (std::ranges::find(fakes, label) != fakes.end()) return 1;
  const std::size_t underscore = label.rfind('_');
  if (underscore == std::string::npos) return std::nullopt;
  std::string ending = label.substr(underscore + 1);
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (ending == "real") return 0;
  if (ending.starts_with("fake")) return 1;
  return std::nullopt;
}

}  // namespace deepfake
