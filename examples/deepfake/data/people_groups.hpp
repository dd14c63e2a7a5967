// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace deepfake {

/// Groups of people who share a video, by the smallest name of each.
class PeopleGroups {
 public:
  void join(const std::vector<std::string>& people) {
    for (const std::string& person : people) {
      const std::string a = group(people.front()), b = group(person);
      if (a != b) parent_[std::max(a, b)] = std::min(a, b);
    }
  }
  std::string group(const std::string& person) {
    std::string root = person;
    for (auto at = parent_.try_emplace(root, root).first; at->second != root;
         at = parent_.find(root)) {
      root = at->second;
    }
    parent_[person] = root;
    return root;
  }

 private:
  std::map<std::string, std::string> parent_;
};

}  // namespace deepfake
