// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace deepfake {

/// The number that a frame's file stem spells ("0012.png": 12), if it spells one.
std::optional<long long> frame_number(const std::string& stem);

/// Turns the paths of one index file into paths on this machine. Indexes are written with / or \,
/// with absolute paths of another machine, or relative to the frames' folder or to a folder above
/// it; so the leading components that have to go are found with the first frame that exists, and
/// then hold for the whole file.
class FramePaths {
 public:
  explicit FramePaths(std::filesystem::path rgb_dir) : rgb_dir_(std::move(rgb_dir)) {}

  std::filesystem::path resolve(std::string path);
  bool found_any() const { return absolute_.has_value() || relative_.has_value(); }

 private:
  /// Number of leading components to drop before appending to rgb_dir_; as_is: none of this.
  using Rule = std::optional<std::size_t>;
  static constexpr std::size_t as_is = static_cast<std::size_t>(-1);

  std::filesystem::path apply(const std::string& path, std::size_t rule) const;

  std::filesystem::path rgb_dir_;
  Rule absolute_;
  Rule relative_;
  std::string failed_folder_;
  int failures_ = 0;  // in that folder
};

/// Tells which files exist. A folder is listed once, where asking for each of its frames would be a
/// round trip each on a network's disk.
class ExistingFiles {
 public:
  bool contains(const std::filesystem::path& file);

 private:
  std::optional<std::filesystem::path> folder_;  // the last one asked for
  std::set<std::filesystem::path> names_;
};

}  // namespace deepfake
