// SPDX-License-Identifier: MIT
#include "files/walk.hpp"

#include <algorithm>
#include <set>
#include <system_error>

namespace deepfake {
namespace {

namespace fs = std::filesystem;

void walk(const fs::path& folder, std::set<fs::path>& seen, std::vector<fs::path>& files) {
  std::error_code unreadable;
  const fs::path real = fs::canonical(folder, unreadable);
  if (unreadable || !seen.insert(real).second) return;
  for (fs::directory_iterator entry(folder, unreadable), end; !unreadable && entry != end;
       entry.increment(unreadable)) {
    const fs::path& path = entry->path();
    if (path.filename().string().starts_with('.')) continue;
    std::error_code dangling;
    if (fs::is_directory(path, dangling)) {
      walk(path, seen, files);
    } else {
      files.push_back(path);  // a link to nothing, too: whoever reads it names it
    }
  }
}

}  // namespace

std::vector<fs::path> files_below(const fs::path& folder) {
  std::set<fs::path> seen;
  std::vector<fs::path> files;
  walk(folder, seen, files);
  std::ranges::sort(files);
  return files;
}

}  // namespace deepfake
