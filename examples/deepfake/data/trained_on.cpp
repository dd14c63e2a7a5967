// SPDX-License-Identifier: MIT
#include "data/trained_on.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "data/content.hpp"
#include "data/identities.hpp"
#include "data/pseudo_kinds.hpp"
#include "data/selection.hpp"
#include "files/csv.hpp"
#include "text/lower_case.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr char file_name[] = "trained_on.csv";

/// FF-DF and CelebDFv2_fake are names of one forgery; any data set may call its fakes fake.
bool speaks_for_itself(const std::string& label) {
  return label.find_first_of("-_") != std::string::npos && !lower_case(label).starts_with("fake");
}

/// The folders that fakes' videos lie in. A folder tells of a manipulation only where nothing but
/// that one lies in it.
class Folders {
 public:
  explicit Folders(const Index& index) {
    for (const Video& video : index.videos) names_in_[frames_folder(video)].insert(video.name);
    for (const Video& video : index.videos) {
      labels_in_[{video.dataset, folder(video)}].insert(video.label);
    }
  }

  /// The folder, without its compression; with the label, if others lie there, too.
  std::string of(const Video& video) const {
    const fs::path path = folder(video);
    fs::path plain;
    for (const fs::path& part : path) {
      if (!is_compression(part.string())) plain /= part;
    }
    const std::string text = plain.generic_string();
    return labels_in_.at({video.dataset, path}).size() > 1 ? text + " (" + video.label + ")" : text;
  }

 private:
  static fs::path frames_folder(const Video& video) {
    return fs::absolute(video.frames.front()).lexically_normal().parent_path();
  }
  /// Each video has a folder of its own, or all lie in one.
  fs::path folder(const Video& video) const {
    const fs::path of_frames = frames_folder(video);
    return names_in_.at(of_frames).size() > 1 ? of_frames : of_frames.parent_path();
  }

  std::map<fs::path, std::set<std::string>> names_in_;
  std::map<std::pair<std::string, fs::path>, std::set<std::string>> labels_in_;
};

std::string people_of(const Index& index, const Video& video) {
  std::string text;
  for (const std::string& person : identities(index, video)) {
    text += (text.empty() ? "" : "/") + person;
  }
  return text;
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

/// What people_of() put together.
std::vector<std::string> people_in(const std::string& text) {
  std::vector<std::string> list;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    list.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return list;
}

}  // namespace

bool is_same(const TestedForgery& a, const TestedForgery& b) {
  if (a.compression != b.compression) return false;
  if (!a.source.empty() && a.source == b.source) return true;
  return a.label == b.label && speaks_for_itself(a.label);
}

void ManipulationMean::add(const TestedForgery& manipulation, double value) {
  auto entry = std::ranges::find_if(
      entries_, [&](const Entry& one) { return is_same(one.manipulation, manipulation); });
  if (entry == entries_.end()) entry = entries_.insert(entry, {manipulation});
  entry->sum += value;
  entry->count += 1;
}

double ManipulationMean::mean() const {
  if (entries_.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (const Entry& entry : entries_) sum += entry.sum / entry.count;
  return sum / static_cast<double>(entries_.size());
}

void Overlaps::add(const std::string& manipulation, bool is_trained, const std::string& overlap) {
  if (overlap.empty()) return;
  const std::string ending = (is_trained ? " as trained on: " : " as unseen: ") + overlap;
  auto entry = std::ranges::find(entries_, ending, &Entry::first);
  if (entry == entries_.end()) entry = entries_.insert(entry, {ending, {}});
  if (std::ranges::find(entry->second, manipulation) == entry->second.end()) {
    entry->second.push_back(manipulation);
  }
}

std::vector<std::string> Overlaps::lines() const {
  std::vector<std::string> lines;
  for (const auto& [ending, manipulations] : entries_) {
    std::string& line = lines.emplace_back();
    for (const std::string& name : manipulations) line += (line.empty() ? "" : ", ") + name;
    line += (manipulations.size() == 1 ? " counts" : " count") + ending;
  }
  return lines;
}

void write_trained_on(const fs::path& run, const Index& train) {
  const Folders folders(train);
  CsvTable table{
      run / file_name,
      {"dataset", "label", "fake", "video", "people", "folder", "first_frame", "content", "domain"},
      {}};
  for (const Video& video : train.videos) {
    table.rows.push_back({video.dataset, video.label, video.is_fake ? "1" : "0", video.name,
                          people_of(train, video), folders.of(video),
                          fs::absolute(video.frames.front()).lexically_normal().generic_string(),
                          content_of(video.frames.front()), video.domain});
  }
  fs::create_directories(run);
  write_csv(table);
}

namespace {

std::vector<TrainedVideo> read_trained_on(const fs::path& file) {
  const CsvTable table = read_csv(file);
  std::vector<TrainedVideo> videos;
  for (const auto& cells : table.rows) {
    const auto cell = [&](const char* name) { return cells[table.column(name)]; };
    videos.push_back({cell("dataset"), cell("label"), cell("video"), cell("people"), cell("folder"),
                      cell("first_frame"), cell("content"), cell("fake") == "1",
                      table.has("domain") ? cell("domain") : cell("label")});
  }
  return videos;
}

}  // namespace

std::string changed_first_frame(const fs::path& run, const Index& train) {
  const fs::path file = run / file_name;
  if (!fs::exists(file)) return "";
  const auto key = [](const auto& video) {
    return std::tuple(video.dataset, video.label, video.name);
  };
  std::map<std::tuple<std::string, std::string, std::string>, std::string> known;
  for (const TrainedVideo& video : read_trained_on(file)) known[key(video)] = video.content;
  for (const Video& video : train.videos) {
    const auto before = known.find(key(video));
    if (before != known.end() && content_of(video.frames.front()) != before->second) {
      return video.frames.front().string();
    }
  }
  return "";
}

TrainedOn::TrainedOn(const fs::path& run, std::vector<std::string> labels)
    : labels_(std::move(labels)) {
  const fs::path file = run / file_name;
  has_list_ = fs::exists(file);
  if (has_list_) videos_ = read_trained_on(file);
}

Relation TrainedOn::to(const Index& index, const Index& test, const std::string& domain) const {
  const std::string& dataset = test.videos.front().dataset;
  const Folders folders(index);
  Relation relation;
  std::set<std::string> sources;
  for (const Video& video : test.videos) {
    if (video.is_fake && video.domain == domain) sources.insert(folders.of(video));
  }
  if (!sources.empty()) relation.source = *sources.begin();
  const bool is_label_trained = std::ranges::find(labels_, domain) != labels_.end();
  const std::string twin = trained_twin(labels_, domain);
  if (!has_list_) {
    relation.is_trained = is_label_trained || !twin.empty();
    relation.overlap =
        "judged by the label alone, for the run is of an older version and keeps no list of its "
        "training videos";
    return relation;
  }

  std::map<std::string, std::string> folder_from, frame_from;
  std::multimap<std::string, const TrainedVideo*> by_size;
  std::set<std::pair<std::string, std::string>> trained_people;
  std::map<std::string, std::set<std::string>> names;
  for (const TrainedVideo& video : videos_) names[video.content].insert(video.name);
  for (const TrainedVideo& video : videos_) {
    if (video.is_fake) folder_from.try_emplace(video.folder, video.dataset + " > " + video.label);
    // Black or empty frames, which many videos begin with, tell nothing.
    const bool is_unique = !video.content.empty() && names[video.content].size() == 1;
    if (video.is_fake && is_unique) by_size.emplace(size_in(video.content), &video);
    frame_from.try_emplace(video.first_frame, video.dataset);
    for (const std::string& person : people_in(video.people)) {
      trained_people.emplace(label_family(video.label), person);
    }
  }
  std::vector<std::string> reasons;
  const auto add = [&](bool trains, const std::string& reason) {
    relation.is_trained = relation.is_trained || trains;
    reasons.push_back(reason);
  };

  if (!twin.empty()) add(true, "training made forgeries of this kind, " + twin);

  bool in_trained_set = false;  // of the same name and label: no news
  for (const TrainedVideo& video : videos_) {
    in_trained_set = in_trained_set || (video.dataset == dataset && video.domain == domain);
  }
  if (is_label_trained && speaks_for_itself(domain)) {
    relation.is_trained = true;
    if (!in_trained_set) reasons.push_back("the label " + domain + " was trained on");
  }
  for (const std::string& source : sources) {
    const auto found = folder_from.find(source);
    if (found == folder_from.end()) continue;
    relation.is_trained = true;
    if (!in_trained_set) add(true, "its frames lie in " + source + " like " + found->second);
    break;
  }
  // Copies of the data, or an index under another name: by the frames themselves. One frame that
  // is equal under another name may be an empty one.
  std::size_t known = 0;
  bool has_name = false;
  std::set<std::string> equal;
  std::multimap<std::string, const Video*> tested_by_size;
  for (const Video& video : index.videos) {
    if (relation.is_trained || !video.is_fake || video.dataset != dataset ||
        video.domain != domain) {
      continue;
    }
    const std::string size = content_size(video.frames.front());
    tested_by_size.emplace(size, &video);
    const auto [begin, end] = by_size.equal_range(size);
    if (begin == end) continue;
    const std::string content = content_of(video.frames.front());
    for (auto one = begin; one != end; ++one) {
      if (one->second->content != content) continue;
      ++known;
      has_name = has_name || one->second->name == video.name;
      equal.insert(content);
      break;
    }
  }
  if (has_name || equal.size() > 1) {
    add(true, counted(known, "video") + " with frames that were trained on");
  }
  // The same of test videos alone, where the data that was trained on lists them, too.
  std::set<std::pair<std::string, std::string>> trained_labels;
  for (const TrainedVideo& video : videos_) {
    if (video.is_fake) trained_labels.emplace(video.dataset, video.label);
  }
  equal.clear();
  std::string like;
  std::map<const Video*, std::string> contents;
  for (const Video& video : index.videos) {
    if (relation.is_trained || video.dataset == dataset ||
        !trained_labels.contains({video.dataset, video.label})) {
      continue;
    }
    const auto [begin, end] = tested_by_size.equal_range(content_size(video.frames.front()));
    if (begin == end) continue;
    const std::string content = content_of(video.frames.front());
    for (auto one = begin; one != end; ++one) {
      std::string& tested = contents[one->second];
      if (tested.empty()) tested = content_of(one->second->frames.front());
      if (tested != content) continue;
      if (equal.insert(content).second) like = video.dataset + " > " + video.label;
    }
  }
  if (equal.size() > 1) {
    add(true, std::to_string(equal.size()) + " videos are those of " + like);
  }

  std::size_t videos = 0;
  std::set<std::string> people;
  for (const Video& video : test.videos) {
    if (video.is_fake && video.domain != domain) continue;
    const std::string frame =
        fs::absolute(video.frames.front()).lexically_normal().generic_string();
    if (frame_from.contains(frame)) ++videos;
    if (video.is_fake && frame_from.contains(frame)) relation.is_trained = true;
    for (const std::string& person : identities(test, video)) {
      if (trained_people.contains({label_family(video.label), person})) people.insert(person);
    }
  }
  if (videos > 0) reasons.push_back(counted(videos, "test video") + " were trained on");
  if (!people.empty() && speaks_for_itself(domain)) {
    reasons.push_back("test people who were trained on: " + std::to_string(people.size()));
  }
  for (const std::string& reason : reasons) {
    relation.overlap += (relation.overlap.empty() ? "" : "; ") + reason;
  }
  return relation;
}

}  // namespace deepfake
