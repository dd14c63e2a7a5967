// SPDX-License-Identifier: MIT
#include "data/content.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

namespace deepfake {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return "";
  std::uint64_t hash = 14695981039346656037u, size = 0;  // FNV-1a
  std::array<char, 1 << 16> buffer;
  while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0) {
    const auto count = static_cast<std::size_t>(stream.gcount());
    for (std::size_t i = 0; i < count; ++i) {
      hash = (hash ^ static_cast<unsigned char>(buffer[i])) * 1099511628211u;
    }
    size += count;
  }
  char text[48];
  std::snprintf(text, sizeof text, "%llu-%016llx", static_cast<unsigned long long>(size),
                static_cast<unsigned long long>(hash));
  return text;
}

std::string content_size(const std::filesystem::path& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? "" : std::to_string(size);
}

std::string size_in(const std::string& content) { return content.substr(0, content.find('-')); }

}  // namespace deepfake
