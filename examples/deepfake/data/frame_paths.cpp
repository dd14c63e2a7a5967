// SPDX-License-Identifier: MIT
#include "data/frame_paths.hpp"

#include <algorithm>
#include <charconv>

namespace deepfake {

std::optional<long long> frame_number(const std::string& stem) {
  long long number = 0;
  const char* end = stem.data() + stem.size();
  const auto [stop, error] = std::from_chars(stem.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::filesystem::path FramePaths::apply(const std::string& path, std::size_t rule) const {
  if (rule == as_is) return path;
  std::size_t begin = path.find_first_not_of('/');
  for (std::size_t n = 0; n < rule && begin != std::string::npos; ++n) {
    begin = path.find_first_not_of('/', path.find('/', begin));
  }
  return begin == std::string::npos ? std::filesystem::path() : rgb_dir_ / path.substr(begin);
}

std::filesystem::path FramePaths::resolve(std::string path) {
  std::ranges::replace(path, '\\', '/');
  while (path.starts_with("./")) path.erase(0, 2);
  const bool is_absolute = path.starts_with('/');
  Rule& rule = is_absolute ? absolute_ : relative_;
  if (rule) return apply(path, *rule);

  // After this many misses in one folder the folder is not there; others may be.
  constexpr int patience = 8;
  std::string folder = path.substr(0, path.rfind('/') + 1);
  if (folder != failed_folder_) failures_ = 0;
  if (failures_ < patience) {
    const auto exists = [&](std::size_t candidate) {
      std::error_code ignored;
      return std::filesystem::exists(apply(path, candidate), ignored);
    };
    if (is_absolute && exists(as_is)) {
      rule = as_is;
      return apply(path, as_is);
    }
    // The file's own folder is never dropped: equal file names are everywhere.
    const auto folders = static_cast<std::size_t>(std::ranges::count(path, '/'));
    for (std::size_t candidate = 0; candidate < std::max<std::size_t>(folders, 1); ++candidate) {
      if (exists(candidate)) {
        rule = candidate;
        return apply(path, candidate);
      }
    }
    failed_folder_ = std::move(folder);
    ++failures_;
  }
  return apply(path, is_absolute ? as_is : 0);
}

bool ExistingFiles::contains(const std::filesystem::path& file) {
  if (folder_ != file.parent_path()) {
    folder_ = file.parent_path();
    names_.clear();
    std::error_code none_there;
    for (std::filesystem::directory_iterator entry(*folder_, none_there), end;
         !none_there && entry != end; entry.increment(none_there)) {
      names_.insert(entry->path().filename());
    }
  }
  return names_.contains(file.filename());
}

}  // namespace deepfake
