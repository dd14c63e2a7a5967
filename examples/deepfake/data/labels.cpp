// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <string_view>

#include "data/index.hpp"
#include "text/lower_case.hpp"

namespace deepfake {

std::optional<int> class_of_label(const std::string& label) {
  // DeepfakeBench's names that do not tell their class.
  constexpr std::array<std::string_view, 6> fakes{"FF-DF", "FF-F2F", "FF-FS",
                                                  "FF-NT", "FF-FH",  "FF-SH"};
  if (label == "FF-real") return 0;
  if (std::ranges::find(fakes, label) != fakes.end()) return 1;
  const std::size_t underscore = label.rfind('_');
  const std::string whole = lower_case(label);
  if (underscore == std::string::npos) {
    return whole == "real" ? std::optional(0) : whole == "fake" ? std::optional(1) : std::nullopt;
  }
  const std::string ending = whole.substr(underscore + 1);
  if (ending == "real") return 0;
  if (ending.starts_with("fake")) return 1;
  return std::nullopt;
}

}  // namespace deepfake
