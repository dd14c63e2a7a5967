// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace deepfake {

/// Whether @p name can be that of a file or folder: of a data set's scores, of a method's run.
inline bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 && !name.starts_with('.') &&
         std::ranges::none_of(
             name, [](unsigned char c) { return c == '/' || c == '\\' || c < 32 || c == 127; });
}

}  // namespace deepfake
