// SPDX-License-Identifier: MIT
#include "data/val_split.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "data/identities.hpp"
#include "data/people_groups.hpp"
#include "data/selection.hpp"
#include "random/random.hpp"

namespace deepfake {
namespace {

using People = std::vector<std::string>;

/// The training videos of data sets that share people.
struct Pool {
  std::set<std::string> datasets;
  std::vector<std::size_t> videos;  // positions in the index
  std::vector<People> people;       // of each video
};

enum class Side { train, val, both };

Side side_of(const People& people, const std::set<std::string>& held_out) {
  const auto in_val = std::ranges::count_if(
      people, [&](const std::string& person) { return held_out.contains(person); });
  return in_val == 0 ? Side::train : in_val == std::ssize(people) ? Side::val : Side::both;
}

/// Whether each data set, in each compression, has real and fake on both sides; real ones where
/// nothing else is.
bool serves(const Index& index, const Pool& pool, const std::set<std::string>& held_out) {
  std::map<std::pair<std::string, std::string>, std::array<bool, 4>> found;
  for (std::size_t i = 0; i < pool.videos.size(); ++i) {
    const Video& video = index.videos[pool.videos[i]];
    auto& kinds = found[{video.dataset, video.compression}];
    const Side side = side_of(pool.people[i], held_out);
    if (side != Side::both) kinds[(side == Side::val ? 2 : 0) + (video.is_fake ? 1 : 0)] = true;
  }
  const bool has_fakes = std::ranges::any_of(
      pool.videos, [&](std::size_t video) { return index.videos[video].is_fake; });
  return std::ranges::all_of(found, [&](const auto& set) {
    const auto& [train_real, train_fake, val_real, val_fake] = set.second;
    return train_real && val_real && (!has_fakes || (train_fake && val_fake));
  });
}

std::vector<std::string> shuffled(const std::set<std::string>& names) {
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const std::string& name : names) order.emplace_back(Random(0).fork(name).bits(), name);
  std::ranges::sort(order);
  std::vector<std::string> result;
  for (auto& [key, name] : order) result.push_back(std::move(name));
  return result;
}

/// The people of the new split: about @p share of them, more if both sides need that.
std::set<std::string> choose(const Index& index, const Pool& pool, double share) {
  PeopleGroups groups;
  std::set<std::string> everybody;
  for (const People& people : pool.people) {
    groups.join(people);
    everybody.insert(people.begin(), people.end());
  }
  std::map<std::string, People> members;
  for (const std::string& person : everybody) members[groups.group(person)].push_back(person);
  const auto wanted = static_cast<std::size_t>(
      std::max<long>(1, std::lround(share * static_cast<double>(everybody.size()))));
  std::set<std::string> names;
  for (const auto& [group, people] : members) names.insert(group);
  std::set<std::string> held_out;
  for (const std::string& group : shuffled(names)) {
    const People& people = members.at(group);
    if (held_out.size() + people.size() > wanted + std::max<std::size_t>(1, wanted / 2)) continue;
    held_out.insert(people.begin(), people.end());
    if (held_out.size() >= wanted && serves(index, pool, held_out)) return held_out;
  }
  // Everybody is tied to everybody: one by one.
  held_out.clear();
  for (const std::string& person : shuffled(everybody)) {
    held_out.insert(person);
    if (held_out.size() >= wanted && serves(index, pool, held_out)) return held_out;
  }
  throw std::runtime_error(
      "too few people to make a validation split of " + *pool.datasets.begin() + ": of " +
      std::to_string(everybody.size()) +
      ", real and fake videos must remain on both sides; take another --val-from-train, or data "
      "with a validation split");
}

/// Data sets that list videos of one family of labels, FF-DF.json and FF-F2F.json, in one pool.
std::vector<Pool> pools_of(const Index& index, const std::vector<std::string>& datasets) {
  PeopleGroups related;
  const auto is_wanted = [&](const Video& video) {
    return video.split == "train" && std::ranges::find(datasets, video.dataset) != datasets.end();
  };
  const auto family_of = [](const Video& video) {
    const std::string family = label_family(video.label);
    return family == video.label ? video.dataset : family;
  };
  for (const Video& video : index.videos) {
    if (is_wanted(video)) related.join({"set " + video.dataset, "family " + family_of(video)});
  }
  std::map<std::string, Pool> pools;
  for (std::size_t i = 0; i < index.videos.size(); ++i) {
    const Video& video = index.videos[i];
    if (!is_wanted(video)) continue;
    Pool& pool = pools[related.group("set " + video.dataset)];
    pool.datasets.insert(video.dataset);
    pool.videos.push_back(i);
    pool.people.push_back(identities(index, video));
  }
  std::vector<Pool> list;
  for (auto& [name, pool] : pools) list.push_back(std::move(pool));
  return list;
}

}  // namespace

std::vector<std::string> split_off_validation(Index& index,
                                              const std::vector<std::string>& datasets,
                                              double share) {
  std::vector<std::string> lines;
  std::set<std::size_t> dropped;
  std::size_t own = 0;
  for (std::size_t i = 0; i < index.videos.size(); ++i) {
    const Video& video = index.videos[i];
    if (video.split != "val" || std::ranges::find(datasets, video.dataset) == datasets.end()) {
      continue;
    }
    dropped.insert(i);
    ++own;
  }
  for (const Pool& pool : pools_of(index, datasets)) {
    const std::set<std::string> held_out = choose(index, pool, share);
    std::set<std::string> everybody;
    std::size_t moved = 0, lost = 0;
    for (std::size_t i = 0; i < pool.videos.size(); ++i) {
      Video& video = index.videos[pool.videos[i]];
      everybody.insert(pool.people[i].begin(), pool.people[i].end());
      const Side side = side_of(pool.people[i], held_out);
      if (side == Side::val) video.split = "val";
      moved += side == Side::val ? 1 : 0;
      if (side != Side::both) continue;
      ++lost;
      dropped.insert(pool.videos[i]);
      Video fault = video;
      fault.frames.clear();
      fault.masks.clear();
      index.faults.across_splits.push_back(std::move(fault));
    }
    std::string names;
    for (const std::string& name : pool.datasets) names += (names.empty() ? "" : ", ") + name;
    std::string line = "validation split made from the training split of " + names + ": " +
                       std::to_string(held_out.size()) + " of " + std::to_string(everybody.size()) +
                       " people, " + std::to_string(moved) + " of " +
                       std::to_string(pool.videos.size()) + " videos";
    if (lost > 0) {
      line += "; " + std::to_string(lost) + " videos that show people of both sides left out";
    }
    lines.push_back(line);
  }
  if (own > 0) {
    lines.push_back("the validation split that the index lists is not used, " +
                    std::to_string(own) + " videos");
  }
  std::vector<Video> kept;
  for (std::size_t i = 0; i < index.videos.size(); ++i) {
    if (!dropped.contains(i)) kept.push_back(std::move(index.videos[i]));
  }
  index.videos = std::move(kept);
  link_real_partners(index);
  return lines;
}

}  // namespace deepfake
