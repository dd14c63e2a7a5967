// SPDX-License-Identifier: MIT
#include "files/replace_file.hpp"

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace deepfake {

void replace_file(const std::filesystem::path& file, std::string_view content) {
  std::filesystem::path unfinished = file;
  unfinished += ".tmp";
  std::ofstream stream(unfinished, std::ios::binary);
  stream << content << std::flush;
  stream.close();
  if (!stream) {
    const std::string reason = std::generic_category().message(errno);
    std::error_code ignored;
    std::filesystem::remove(unfinished, ignored);
    throw std::runtime_error(file.string() + ": cannot be written: " + reason);
  }
  std::filesystem::rename(unfinished, file);
}

}  // namespace deepfake
