// SPDX-License-Identifier: MIT
#include "data/faults.hpp"

#include <algorithm>
#include <map>

namespace deepfake {

std::string place_of(const Video& video) {
  return video.dataset + " > " + video.label + " > " + video.split + " > " +
         (video.compression.empty() ? "" : video.compression + " > ") + video.name;
}

std::string count_and_names(std::span<const std::string> names, std::size_t named) {
  std::string text = std::to_string(names.size());
  for (std::size_t i = 0; i < std::min(named, names.size()); ++i) {
    text += (i == 0 ? ": " : ", ") + names[i];
  }
  if (names.size() > named) text += " and " + std::to_string(names.size() - named) + " more";
  return text;
}

std::vector<std::string> unknown_label_names(const Faults& faults) {
  std::map<std::string, std::vector<const Video*>> by_label;
  for (const Video& video : faults.unknown_labels) by_label[video.label].push_back(&video);
  std::vector<std::string> names;
  for (const auto& [label, videos] : by_label) {
    names.push_back(label + ": " + std::to_string(videos.size()) +
                    (videos.size() == 1 ? " video, " : " videos, the first ") +
                    place_of(*videos.front()));
  }
  return names;
}

std::string faults_text(const Index& index) {
  std::string text;
  const auto add = [&](const std::string& kind, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += (text.empty() ? "" : "\n") + kind + ", " + count_and_names(names);
  };
  const auto texts = [](const std::vector<Faults::OddEntry>& entries) {
    std::vector<std::string> list;
    for (const Faults::OddEntry& entry : entries) list.push_back(entry.text);
    return list;
  };
  add("index files left out", texts(index.faults.bad_files));
  add("entries that are no videos, left out", texts(index.faults.odd_entries));
  add("unknown labels, their videos left out", unknown_label_names(index.faults));
  std::vector<std::string> names;
  for (const Video& video : index.faults.without_frames) names.push_back(place_of(video));
  add("videos without a frame, left out", names);
  names.clear();
  for (const Video& video : index.faults.across_splits) names.push_back(place_of(video));
  add("videos of people on both sides of the new validation split, left out", names);
  const auto add_frames = [&](const std::string& kind,
                              const std::vector<Faults::MissingFrames>& videos) {
    names.clear();
    std::size_t frames = 0;
    for (const auto& [video, count] : videos) {
      frames += count;
      names.push_back(place_of(video) + " (" + std::to_string(count) + ")");
    }
    add(kind + " (" + std::to_string(frames) + " in all)", names);
  };
  add_frames("videos that lack listed frames", index.faults.missing_frames);
  add_frames("videos that list frames more than once, used once", index.faults.repeated_frames);
  add("labels other than their group's, taken as they say", texts(index.faults.contradictions));
  return text;
}

std::vector<LeftOut> left_out(const Index& index) {
  std::vector<LeftOut> rows;
  const auto add = [&](const std::string& dataset, const char* kind, const std::string& place,
                       const std::string& reason) {
    rows.push_back({"", dataset, kind, place, reason});
  };
  const auto add_entries = [&](const char* kind, const std::vector<Faults::OddEntry>& entries) {
    for (const Faults::OddEntry& entry : entries) add(entry.dataset, kind, "", entry.text);
  };
  const Faults& faults = index.faults;
  add_entries("index file", faults.bad_files);
  add_entries("index entry", faults.odd_entries);
  for (const Video& video : faults.unknown_labels) {
    add(video.dataset, "unknown label", place_of(video), "label " + video.label);
  }
  for (const Video& video : faults.without_frames) {
    add(video.dataset, "video without a frame", place_of(video), "no listed frame exists");
  }
  for (const Video& video : faults.across_splits) {
    add(video.dataset, "video across splits", place_of(video),
        "shows people of both sides of the new validation split");
  }
  for (const auto& [video, count] : faults.missing_frames) {
    add(video.dataset, "missing frames", place_of(video),
        std::to_string(count) + " listed frames do not exist");
  }
  for (const auto& [video, count] : faults.repeated_frames) {
    add(video.dataset, "repeated frames", place_of(video),
        std::to_string(count) + " entries repeat another one");
  }
  return rows;
}

std::string broken_text(std::span<const std::filesystem::path> files, const std::string& treated) {
  if (files.empty()) return "";
  std::vector<std::string> names;
  for (const std::filesystem::path& file : files) names.push_back(file.string());
  std::ranges::sort(names);  // not by the order in which a run met them
  return "broken images, " + treated + ", " + count_and_names(names);
}

}  // namespace deepfake
