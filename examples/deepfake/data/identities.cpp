// SPDX-License-Identifier: MIT
#include "data/identities.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "data/person_names.hpp"
#include "data/selection.hpp"

namespace deepfake {
namespace {

std::vector<std::string> tokens(const std::string& name) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= name.size()) {
    const std::size_t end = std::min(name.find('_', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c); });
}

/// Celeb-DF's id16, and DeeperForensics' actors M101 and W101.
bool is_person(const std::string& token) {
  const std::string_view text = token;
  if (text.starts_with("id")) return is_number(text.substr(2));
  return text.size() == 4 && (text[0] == 'M' || text[0] == 'W') && is_number(text.substr(1));
}

/// The people whom the first numbers of a name tell, where what follows says that it is such a
/// name: 01_02__scene (DeepFakeDetection), 1147114_1224068_A_001 (DFDCP), or nothing follows.
std::vector<std::string> numbered_people(const std::vector<std::string>& parts) {
  const auto end = std::ranges::find_if_not(parts, is_number);
  if (end == parts.end() && parts.size() <= 2) return parts;
  if (end == parts.begin() || end == parts.end()) return {};
  const bool is_capital =
      end->size() == 1 && std::isupper(static_cast<unsigned char>(end->front()));
  if (!end->empty() && !is_capital) return {};
  return {parts.begin(), end};
}

}  // namespace

std::vector<std::string> identities(const Index& index, const Video& video) {
  // Which of its people somebody in a video is, the name does not tell: all of them.
  const std::string name = without_person(video.name);
  const std::vector<std::string> parts = tokens(name);
  std::vector<std::string> people;
  std::ranges::copy_if(parts, std::back_inserter(people), is_person);
  if (!people.empty()) {
    if (is_number(parts.front())) people.push_back(parts.front());  // 000_M101
    return people;
  }
  people = numbered_people(parts);
  if (!people.empty()) return people;
  if (video.real_partner) return {without_person(index.videos[*video.real_partner].name)};
  return {name};
}

std::size_t count_numbered_people(const Index& index) {
  std::set<std::pair<std::string, std::string>> people;
  for (const Video& video : index.videos) {
    const std::vector<std::string> parts = tokens(without_person(video.name));
    if (std::ranges::any_of(parts, is_person)) continue;
    for (const std::string& person : numbered_people(parts)) people.emplace(video.dataset, person);
  }
  return people.size();
}

std::vector<IdentityLeak> identity_leaks(const Index& index) {
  // Names are only comparable within one family of labels: Celeb-DF's id0 is not another set's.
  std::map<std::pair<std::string, std::string>, const Video*> first_seen;
  std::map<std::pair<std::string, std::string>, bool> reported;
  std::vector<IdentityLeak> leaks;
  for (const Video& video : index.videos) {
    for (const std::string& person : identities(index, video)) {
      // Labels without a family, real and fake, are those of any data set.
      const std::string family = label_family(video.label);
      const auto key = std::pair(family == video.label ? video.dataset : family, person);
      const Video& first = *first_seen.try_emplace(key, &video).first->second;
      if (first.split == video.split || std::exchange(reported[key], true)) continue;
      leaks.push_back({person, first.split, first.name, video.split, video.name});
    }
  }
  return leaks;
}

void require_disjoint_identities(const Index& index) {
  const std::vector<IdentityLeak> leaks = identity_leaks(index);
  if (leaks.empty()) return;
  const IdentityLeak& leak = leaks.front();
  throw std::runtime_error("identity " + leak.identity + " is in split " + leak.first_split +
                           " (video " + leak.first_video + ") and in split " + leak.second_split +
                           " (video " + leak.second_video + "), " + std::to_string(leaks.size()) +
                           " such identities in all: split the data by person");
}

}  // namespace deepfake
