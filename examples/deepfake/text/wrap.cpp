// SPDX-License-Identifier: MIT
#include "text/wrap.hpp"

#include <sstream>

namespace deepfake {

std::string wrapped(const std::string& text, std::size_t width) {
  constexpr std::size_t description = 30;
  std::istringstream lines(text);
  std::string result, line;
  bool is_example = false;
  while (std::getline(lines, line)) {
    is_example = line.starts_with("Example:") || (is_example && line.starts_with("     "));
    const std::size_t indent = line.starts_with("  ") ? description : 0;
    while (!is_example && line.size() > width) {
      const std::size_t space = line.rfind(' ', width);
      if (space == std::string::npos || space <= indent) break;
      result += line.substr(0, line.find_last_not_of(' ', space) + 1) + '\n';
      line = std::string(indent, ' ') + line.substr(space + 1);
    }
    result += line + '\n';
  }
  return result;
}

}  // namespace deepfake
