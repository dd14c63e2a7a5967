// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "data/index.hpp"

namespace deepfake {

std::string fingerprint(const Index& index) {
  const std::string root = (index.rgb_dir / "").generic_string();
  std::vector<std::string> lines;
  for (const Video& video : index.videos) {
    std::string line = video.dataset + '\t' + video.label + '\t' + (video.is_fake ? '1' : '0') +
                       '\t' + video.split + '\t' + video.compression + '\t' + video.name;
    for (const auto& frame : video.frames) {
      const std::string path = frame.generic_string();
      line += '\t';
      // Frames outside rgb_dir count by folder and name.
      line += path.starts_with(root)
                  ? path.substr(root.size())
                  : (frame.parent_path().filename() / frame.filename()).generic_string();
    }
    lines.push_back(line + '\n');
  }
  std::ranges::sort(lines);
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const std::string& line : lines) {
    for (const char byte : line) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace deepfake
