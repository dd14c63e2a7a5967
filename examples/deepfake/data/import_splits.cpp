// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/identities.hpp"
#include "data/import_sources.hpp"
#include "data/people_groups.hpp"
#include "data/selection.hpp"
#include "random/random.hpp"

namespace deepfake {
namespace {

using People = std::vector<std::string>;

/// The people of each video. Where the source has another name, that is one of them, too: what has
/// one name in two folders stays together.
std::vector<People> people_of(const std::vector<SourceVideo>& videos) {
  Index index;
  for (const SourceVideo& source : videos) {
    index.videos.push_back(source.video);
    index.videos.back().split = "train";  // a real and its fakes, before they have any
  }
  link_real_partners(index);
  std::vector<People> people;
  for (std::size_t i = 0; i < videos.size(); ++i) {
    people.push_back(identities(index, index.videos[i]));
    const std::string source_name = videos[i].folder.filename().string();
    if (source_name != videos[i].video.name) people.back().push_back(source_name);
  }
  return people;
}

std::map<std::string, std::string> split_groups(const std::set<std::string>& groups,
                                                std::uint64_t seed, bool with_test) {
  constexpr double held_out = 0.15;
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const std::string& group : groups)
    order.emplace_back(Random(seed).fork(group).bits(), group);
  std::ranges::sort(order);
  const std::size_t part = std::max<std::size_t>(
      1, static_cast<std::size_t>(std::lround(held_out * static_cast<double>(order.size()))));
  const std::size_t val = order.size() > 1 ? part : 0;
  const std::size_t test = with_test && order.size() > 2 ? part : 0;
  std::map<std::string, std::string> splits;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t left = order.size() - i;
    splits[order[i].second] = left <= test ? "test" : left <= test + val ? "val" : "train";
  }
  return splits;
}

}  // namespace

void assign_splits(std::vector<SourceVideo>& videos, std::uint64_t seed, bool with_test,
                   ImportFaults& faults) {
  const std::vector<People> people = people_of(videos);
  PeopleGroups groups;
  std::set<std::string> everybody, group_names;
  for (const People& of_video : people) {
    groups.join(of_video);
    everybody.insert(of_video.begin(), of_video.end());
  }
  std::map<std::string, std::size_t> sizes;
  std::size_t largest = 0;
  for (const std::string& person : everybody) {
    largest = std::max(largest, ++sizes[groups.group(person)]);
    group_names.insert(groups.group(person));
  }
  constexpr std::size_t few = 20;
  const bool one_by_one = everybody.size() >= few && 2 * largest > everybody.size();
  const auto splits = split_groups(one_by_one ? everybody : group_names, seed, with_test);
  const auto split_of = [&](const std::string& person) {
    return splits.at(one_by_one ? person : groups.group(person));
  };

  std::vector<SourceVideo> kept;
  for (std::size_t i = 0; i < videos.size(); ++i) {
    SourceVideo& source = videos[i];
    source.video.split = split_of(people[i].front());
    const auto is_elsewhere = [&](const std::string& person) {
      return split_of(person) != source.video.split;
    };
    if (std::ranges::any_of(people[i], is_elsewhere)) {
      faults.across_splits.push_back(source.video.label + "/" + source.video.name);
    } else {
      kept.push_back(std::move(source));
    }
  }
  videos = std::move(kept);
}

}  // namespace deepfake
