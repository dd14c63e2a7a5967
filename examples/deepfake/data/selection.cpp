// SPDX-License-Identifier: MIT
#include "data/selection.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include "data/faults.hpp"
#include "data/person_names.hpp"

namespace deepfake {
namespace {

constexpr std::array<std::string_view, 3> compressions{"raw", "c23", "c40"};

/// Names that the real video behind a fake may have, the likeliest first.
std::vector<std::string> real_names(const std::string& fake) {
  std::vector<std::string> names{fake};
  for (std::size_t end = fake.rfind('_'); end != std::string::npos && end > 0;
       end = fake.rfind('_', end - 1)) {
    names.push_back(fake.substr(0, end));  // 071_054: 071
  }
  const std::size_t first = fake.find('_');
  if (const std::size_t second = fake.find('_', first + 1); second != std::string::npos) {
    names.push_back(fake.substr(0, first) + fake.substr(second));  // id0_id1_0003: id0_0003
  }
  if (const std::size_t scene = fake.find("__"); scene != std::string::npos && first < scene) {
    // 01_02__walking__HASH: 01__walking
    names.push_back(fake.substr(0, first) + fake.substr(scene, fake.find("__", scene + 2) - scene));
  }
  return names;
}

template <class Range>
std::string join(const Range& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string describe(const Selection& selection) {
  std::string text;
  if (!selection.datasets.empty()) text += " of data set " + join(selection.datasets);
  if (!selection.split.empty()) text += " in split " + selection.split;
  if (!selection.compression.empty()) text += " in compression " + selection.compression;
  if (!selection.domains.empty()) text += " for the manipulations " + join(selection.domains);
  return text;
}

void require_one_compression(const Index& index) {
  std::map<std::string, std::set<std::string>> found;
  for (const Video& video : index.videos) found[video.dataset].insert(video.compression);
  for (const auto& [dataset, of_dataset] : found) {
    if (of_dataset.size() > 1) {
      throw std::runtime_error("the data set " + dataset + " comes in the compressions " +
                               join(of_dataset) + ": choose one");
    }
  }
}

/// A data set that comes in compressions has to have the one that is asked for.
void require_compression(const Index& index, const Selection& selection) {
  if (selection.compression.empty()) return;
  if (!is_compression(selection.compression)) {
    throw std::runtime_error("unknown compression " + selection.compression + ": there are " +
                             join(compressions));
  }
  std::map<std::string, std::set<std::string>> found;
  for (const Video& video : index.videos) {
    if (!video.compression.empty()) found[video.dataset].insert(video.compression);
  }
  for (const auto& [dataset, of_dataset] : found) {
    const bool wanted = selection.datasets.empty() ||
                        std::ranges::find(selection.datasets, dataset) != selection.datasets.end();
    if (wanted && !of_dataset.contains(selection.compression)) {
      throw std::runtime_error("the data set " + dataset + " does not come in compression " +
                               selection.compression + ", but in " + join(of_dataset) +
                               "; choose that, or other data sets");
    }
  }
}

void require_known(const std::vector<std::string>& wanted, const std::set<std::string>& known,
                   const std::string& kind) {
  for (const std::string& name : wanted) {
    if (!known.contains(name)) {
      throw std::runtime_error("the index holds no " + kind + " " + name + "; it holds " +
                               join(known));
    }
  }
}

}  // namespace

std::string label_family(const std::string& label) {
  const std::size_t underscore = label.rfind('_');
  return label.substr(0, underscore != std::string::npos ? underscore : label.find('-'));
}

bool is_split(const std::string& name) {
  return name == "train" || name == "val" || name == "test";
}

bool is_compression(const std::string& name) {
  return std::ranges::find(compressions, name) != compressions.end();
}

NamedSet split_compression(const std::string& name) {
  const std::size_t underscore = name.rfind('_');
  if (underscore == std::string::npos || !is_compression(name.substr(underscore + 1))) {
    return {name, ""};
  }
  return {name.substr(0, underscore), name.substr(underscore + 1)};
}

bool keeps(const Selection& selection, const Video& video) {
  const auto is_named = [&](const std::string& name) {
    if (name == video.dataset) {
      return selection.compression.empty() || video.compression.empty() ||
             video.compression == selection.compression;
    }
    const NamedSet named = split_compression(name);
    return named.dataset == video.dataset && named.compression == video.compression;
  };
  const bool right_set = selection.datasets.empty()
                             ? is_named(video.dataset)
                             : std::ranges::any_of(selection.datasets, is_named);
  const bool right_domain =
      !video.is_fake || selection.domains.empty() ||
      std::ranges::find(selection.domains, video.domain) != selection.domains.end();
  return right_set && right_domain && (selection.split.empty() || selection.split == video.split);
}

bool keeps_dataset(const Selection& selection, const std::string& dataset) {
  const auto is_named = [&](const std::string& name) {
    return name == dataset || split_compression(name).dataset == dataset;
  };
  return selection.datasets.empty() || std::ranges::any_of(selection.datasets, is_named);
}

void link_real_partners(Index& index) {
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  const auto key = [](const Video& video, const std::string& group, const std::string& name) {
    return Key(group, video.split, video.compression, name);
  };
  // The fake's own data set first; then its label's family, for reals that another file lists.
  std::map<Key, std::size_t> by_dataset, by_family;
  for (std::size_t i = 0; i < index.videos.size(); ++i) {
    const Video& video = index.videos[i];
    if (video.is_fake) continue;
    by_dataset.emplace(key(video, video.dataset, video.name), i);
    by_family.emplace(key(video, label_family(video.label), video.name), i);
  }
  for (Video& video : index.videos) {
    video.real_partner.reset();
    if (!video.is_fake) continue;
    std::vector<std::string> names = real_names(without_person(video.name));
    for (std::string& name : names) name += person_suffix(video.name);
    const auto search = [&](const std::map<Key, std::size_t>& reals, const std::string& group) {
      for (const std::string& name : names) {
        const auto found = reals.find(key(video, group, name));
        if (found != reals.end() && !video.real_partner) video.real_partner = found->second;
      }
    };
    search(by_dataset, video.dataset);
    search(by_family, label_family(video.label));
  }
}

Faults select(const Faults& faults, const Selection& selection) {
  std::set<std::string> seen;
  const auto is_new = [&](const char* kind, const Video& video) {
    Video of_family = video;  // listed by FF-DF, FF-F2F, ...: once
    of_family.dataset = label_family(video.label);
    return keeps(selection, video) && seen.insert(kind + place_of(of_family)).second;
  };
  Faults selected;
  for (const auto kind : {&Faults::odd_entries, &Faults::bad_files, &Faults::contradictions}) {
    for (const Faults::OddEntry& entry : faults.*kind) {
      if (keeps_dataset(selection, entry.dataset)) (selected.*kind).push_back(entry);
    }
  }
  for (const Video& video : faults.unknown_labels) {
    if (is_new("label", video)) selected.unknown_labels.push_back(video);
  }
  for (const Video& video : faults.without_frames) {
    if (is_new("none", video)) selected.without_frames.push_back(video);
  }
  for (const Video& video : faults.across_splits) {
    if (is_new("across", video)) selected.across_splits.push_back(video);
  }
  for (const Faults::MissingFrames& missing : faults.missing_frames) {
    if (is_new("missing", missing.video)) selected.missing_frames.push_back(missing);
  }
  for (const Faults::MissingFrames& repeated : faults.repeated_frames) {
    if (is_new("repeated", repeated.video)) selected.repeated_frames.push_back(repeated);
  }
  return selected;
}

Index select(const Index& index, const Selection& selection) {
  std::set<std::string> datasets, domains;
  for (const Video& video : index.videos) {
    datasets.insert(video.dataset);
    if (video.is_fake) domains.insert(video.domain);
  }
  std::vector<std::string> wanted;
  for (const std::string& name : selection.datasets) {
    wanted.push_back(datasets.contains(name) ? name : split_compression(name).dataset);
  }
  for (const Faults::OddEntry& file : index.faults.bad_files) {
    const bool is_wanted = std::ranges::find(wanted, file.dataset) != wanted.end();
    if (is_wanted && !datasets.contains(file.dataset)) throw std::runtime_error(file.text);
  }
  require_known(wanted, datasets, "data set");
  require_known(selection.domains, domains, "manipulation");
  require_compression(index, selection);

  Index selected;
  selected.synthetic = index.synthetic;
  selected.rgb_dir = index.rgb_dir;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const Video& video : index.videos) {
    if (!keeps(selection, video)) continue;
    // Data sets of one family list the same reals: FF-DF, FF-F2F, ...
    const std::string first_frame = video.frames.front().string();
    if (!seen.emplace(video.label, video.split, first_frame).second) continue;
    Video& kept = selected.videos.emplace_back(video);
    kept.frames.clear();
    kept.masks.clear();
    for (const std::size_t n : evenly_spaced(video.frames.size(), selection.frames_per_video)) {
      kept.frames.push_back(video.frames[n]);
      if (!video.masks.empty()) kept.masks.push_back(video.masks[n]);
    }
  }
  selected.faults = select(index.faults, selection);
  if (selected.videos.empty()) {
    std::set<std::string> splits, found;
    for (const Video& video : index.videos) {
      splits.insert(video.split);
      if (!video.compression.empty()) found.insert(video.compression);
    }
    throw std::runtime_error("the index holds no video" + describe(selection) +
                             "; it holds the data sets " + join(datasets) + ", splits " +
                             join(splits) + (found.empty() ? "" : ", compressions " + join(found)));
  }
  require_one_compression(selected);
  link_real_partners(selected);
  return selected;
}

std::vector<std::size_t> evenly_spaced(std::size_t size, std::size_t count) {
  if (count == 0 || count > size) count = size;
  std::vector<std::size_t> positions(count, 0);
  for (std::size_t i = 1; i < count; ++i) {
    positions[i] = (2 * i * (size - 1) + (count - 1)) / (2 * (count - 1));  // rounded
  }
  return positions;
}

std::vector<FramePair> pair_frames(const Video& real, const Video& fake) {
  std::map<std::string, std::size_t> of_real;
  for (std::size_t i = 0; i < real.frames.size(); ++i) {
    of_real.emplace(real.frames[i].stem().string(), i);
  }
  std::vector<FramePair> pairs;
  for (std::size_t i = 0; i < fake.frames.size(); ++i) {
    const auto found = of_real.find(fake.frames[i].stem().string());
    if (found != of_real.end()) pairs.push_back({found->second, i});
  }
  return pairs;
}

namespace {

/// Of a data set that comes in several compressions, one entry for each: NAME_c23, NAME_c40.
std::vector<std::string> by_compression(const std::vector<std::string>& datasets,
                                        const Index& index) {
  std::map<std::string, std::set<std::string>> found;
  for (const Video& video : index.videos) found[video.dataset].insert(video.compression);
  std::vector<std::string> names;
  for (const std::string& name : datasets) {
    const auto one = found.find(name);
    if (one == found.end() || one->second.size() < 2 || one->second.contains("")) {
      names.push_back(name);
      continue;
    }
    for (const std::string& compression : one->second) names.push_back(name + '_' + compression);
  }
  return names;
}

}  // namespace

std::vector<Index> by_dataset(const Index& index, const Selection& selection) {
  std::vector<std::string> datasets = selection.datasets;
  // All that select() would look at: one that repeats another's videos is a data set, too.
  Index named;
  std::ranges::copy_if(index.videos, std::back_inserter(named.videos),
                       [&](const Video& video) { return keeps(selection, video); });
  if (datasets.empty()) {
    if (named.videos.empty()) select(index, selection);  // says what there is
    datasets = dataset_names(named);
  }
  datasets = by_compression(datasets, named);
  std::vector<Index> parts;
  for (const std::string& dataset : datasets) {
    Selection one = selection;
    one.datasets = {dataset};
    Index part = select(index, one);
    const bool is_left_out = !selection.domains.empty() && manipulations(part).empty();
    if (!is_left_out) parts.push_back(std::move(part));
  }
  return parts;
}

std::vector<std::string> dataset_names(const Index& index) {
  std::set<std::string> names;
  for (const Video& video : index.videos) names.insert(video.dataset);
  return {names.begin(), names.end()};
}

std::vector<std::string> manipulations(const Index& index) {
  std::set<std::string> names;
  for (const Video& video : index.videos) {
    if (video.is_fake) names.insert(video.domain);
  }
  return {names.begin(), names.end()};
}

std::size_t count_frames(const Index& index) {
  std::size_t count = 0;
  for (const Video& video : index.videos) count += video.frames.size();
  return count;
}

}  // namespace deepfake
