// SPDX-License-Identifier: MIT
// Names of videos that are one person of several: "000" is the first, "000@2" the second.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>

namespace deepfake {

/// @param person from 0
inline std::string name_of_person(const std::string& video, std::size_t person) {
  return person == 0 ? video : video + '@' + std::to_string(person + 1);
}

/// "@2" of "000@2"; empty for a name that is not of this kind.
inline std::string person_suffix(const std::string& name) {
  const std::size_t at = name.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == name.size()) return "";
  const bool is_number = std::all_of(name.begin() + static_cast<std::ptrdiff_t>(at) + 1, name.end(),
                                     [](unsigned char c) { return std::isdigit(c); });
  return is_number ? name.substr(at) : "";
}

/// "000" of "000@2".
inline std::string without_person(const std::string& name) {
  return name.substr(0, name.size() - person_suffix(name).size());
}

}  // namespace deepfake
