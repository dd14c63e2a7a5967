// SPDX-License-Identifier: MIT
#include "data/fingerprint.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <system_error>
#include <vector>

#include "data/content.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// FNV-1a of lines, whatever their order.
std::string hash_of(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  std::uint64_t hash = 14695981039346656037u;
  for (const std::string& line : lines) {
    for (const char byte : line) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
    }
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

/// A frame's path relative to the frames' folder. Frames outside of it count by folder and name.
std::string place_of(const fs::path& frame, const std::string& root) {
  const std::string path = frame.generic_string();
  return path.starts_with(root)
             ? path.substr(root.size())
             : (frame.parent_path().filename() / frame.filename()).generic_string();
}

std::string hash_of_files(const Index& index,
                          const std::function<std::string(const fs::path&)>& property) {
  const std::string root = (index.rgb_dir / "").generic_string();
  std::vector<std::string> lines;
  for (const Video& video : index.videos) {
    for (const fs::path& frame : video.frames) {
      lines.push_back(place_of(frame, root) + '\t' + property(frame) + '\n');
    }
  }
  // Reals are listed by several data sets.
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return hash_of(std::move(lines));
}

std::string size_of(const fs::path& file) {
  std::error_code none;
  const auto size = fs::file_size(file, none);
  return none ? "" : std::to_string(size);
}

std::string time_of(const fs::path& file) {
  std::error_code none;
  const auto time = fs::last_write_time(file, none);
  return none ? "" : std::to_string(time.time_since_epoch().count());
}

struct Parts {
  std::string list, sizes, times, bytes;
};

/// Of an older version's: the list alone.
Parts parts_of(const std::string& fingerprint) {
  constexpr char format[] = "2-";
  if (!fingerprint.starts_with(format)) return {fingerprint, "", "", ""};
  std::vector<std::string> parts;
  for (std::size_t begin = 2; begin < fingerprint.size();) {
    const std::size_t end = std::min(fingerprint.find('-', begin), fingerprint.size());
    parts.push_back(fingerprint.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.resize(4);
  return {parts[0], parts[1], parts[2], parts[3]};
}

}  // namespace

std::string list_fingerprint(const Index& index) {
  const std::string root = (index.rgb_dir / "").generic_string();
  std::vector<std::string> lines;
  for (const Video& video : index.videos) {
    std::string line = video.dataset + '\t' + video.label + '\t' + (video.is_fake ? '1' : '0') +
                       '\t' + video.split + '\t' + video.compression + '\t' + video.name;
    // Of an own name alone, so that the fingerprints of older versions stay.
    if (!video.domain.empty() && video.domain != video.label) line += "\tdomain " + video.domain;
    for (const fs::path& frame : video.frames) line += '\t' + place_of(frame, root);
    lines.push_back(line + '\n');
  }
  return hash_of(std::move(lines));
}

std::string fingerprint(const Index& index, bool all_bytes) {
  std::string text = "2-" + list_fingerprint(index) + '-' + hash_of_files(index, size_of) + '-' +
                     hash_of_files(index, time_of);
  if (all_bytes) text += '-' + hash_of_files(index, content_of);
  return text;
}

DataChange data_change(const std::string& recorded, const std::string& now) {
  const Parts before = parts_of(recorded), after = parts_of(now);
  if (before.list != after.list) return DataChange::other_list;
  if (before.sizes.empty() || after.sizes.empty()) return DataChange::not_recorded;
  if (before.sizes != after.sizes) return DataChange::other_sizes;
  if (!before.bytes.empty() && !after.bytes.empty()) {
    return before.bytes == after.bytes ? DataChange::none : DataChange::other_bytes;
  }
  return before.times == after.times ? DataChange::none : DataChange::other_times;
}

}  // namespace deepfake
