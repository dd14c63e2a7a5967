// SPDX-License-Identifier: MIT
#include "data/manipulation_names.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

#include "text/lower_case.hpp"

namespace deepfake {
namespace {

/// Letters and digits alone: Face_Swap, face-swap and FaceSwap are one name.
std::string plain(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isalnum(c) == 0; });
  return lower_case(std::move(text));
}

using Names = std::set<std::string>;

Names folders_of(const Video& video) {
  Names names;
  for (const auto& part : video.frames.front().parent_path()) names.insert(plain(part.string()));
  return names;
}

void add_label(const std::string& label, Names& names) {
  names.insert(plain(label));
  for (const std::string_view before : {"_fake-", "FF-"}) {
    const std::size_t found = label.find(before);
    if (found != std::string::npos) names.insert(plain(label.substr(found + before.size())));
  }
}

/// Folders that hold all frames of a manipulation and none of others, by manipulation.
std::map<std::string, Names> own_folders(const Index& index) {
  std::map<std::string, Names> common;
  std::map<std::string, std::set<std::string>> kinds_in;  // of a folder; "" are the reals
  for (const Video& video : index.videos) {
    const std::string kind = video.is_fake ? video.domain : "";
    const Names folders = folders_of(video);
    for (const std::string& folder : folders) kinds_in[folder].insert(kind);
    if (!video.is_fake) continue;
    const auto [entry, is_first] = common.try_emplace(kind, folders);
    if (is_first) continue;
    std::erase_if(entry->second, [&](const std::string& one) { return !folders.contains(one); });
  }
  for (auto& [kind, folders] : common) {
    std::erase_if(folders, [&](const std::string& one) { return kinds_in.at(one).size() > 1; });
  }
  return common;
}

}  // namespace

std::optional<std::string> manipulation_named(const std::string& name, const Index& index) {
  std::map<std::string, Names> names;
  for (const Video& video : index.videos) {
    if (!video.is_fake) continue;
    if (video.domain == name) return name;
    names[video.domain].insert(plain(video.domain));
    add_label(video.label, names[video.domain]);
  }
  for (const auto& [domain, folders] : own_folders(index)) {
    names[domain].insert(folders.begin(), folders.end());
  }
  std::optional<std::string> meant;
  for (const auto& [domain, known] : names) {
    if (!known.contains(plain(name))) continue;
    if (meant) return std::nullopt;
    meant = domain;
  }
  return meant;
}

}  // namespace deepfake
