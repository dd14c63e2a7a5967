// SPDX-License-Identifier: MIT
#include "data/index.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "data/frame_paths.hpp"
#include "data/selection.hpp"
#include "files/fail_at.hpp"
#include "files/file_name.hpp"
#include "text/lower_case.hpp"

namespace deepfake {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string nesting =
    "expected data set > label > split > [compression >] video > {label, frames}";

json read_json(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) fail_at(file, "cannot be opened; write the index first or correct the data's path");
  try {
    return json::parse(stream);
  } catch (const json::parse_error& error) {
    fail_at(file, "is not valid JSON near byte " + std::to_string(error.byte) +
                      "; it may be cut off, write it anew");
  }
}

bool is_synthetic(const fs::path& manifest) {
  if (!fs::exists(manifest)) return false;
  const json content = read_json(manifest);
  if (!content.is_object() || !content.contains("synthetic") ||
      !content["synthetic"].is_boolean()) {
    fail_at(manifest, "must hold \"synthetic\": true or false");
  }
  return content["synthetic"].get<bool>();
}

constexpr char naming[] = "rename it without slashes and control characters, at most 100 bytes";

/// An entry that is no video.
struct Odd {
  std::string text;
};

/// Reads one index file into Index::videos.
class IndexFile {
 public:
  IndexFile(const fs::path& file, const LoadOptions& options, Index& index)
      : file_(file), options_(options), index_(index), paths_(index.rgb_dir) {}

  void read() {
    const json content = read_json(file_);
    if (!content.is_object()) fail_at(file_, "the file is not a JSON object; " + nesting);
    for (const auto& [dataset, labels] : content.items()) {
      if (!is_file_name(dataset)) {
        odd(dataset, "the data set's name '" + dataset + "' cannot be that of a file; " + naming);
        continue;
      }
      if (!is_object(labels, dataset, dataset)) continue;
      for (const auto& [label, splits] : labels.items()) {
        const std::string where = dataset + " > " + label;
        if (is_split(label)) {
          odd(dataset, "the split '" + label + "' stands where a label belongs; " + nesting);
        } else if (is_object(splits, dataset, where)) {
          for (const auto& [split, videos] : splits.items()) {
            read_split(Video{.dataset = dataset, .label = label, .split = split}, videos);
          }
        }
      }
    }
    const std::vector<Faults::OddEntry>& odd_entries = index_.faults.odd_entries;
    if (entries_ == 0 && !odd_entries.empty()) {
      const auto lost = std::ranges::find(odd_entries, false, &Faults::OddEntry::is_empty);
      fail_at(file_, lost == odd_entries.end() ? odd_entries.front().text : lost->text);
    }
    if (!knows_a_label_ && !unknown_label_.empty()) {
      fail_at(file_, "unknown label '" + unknown_label_ +
                         "': call it real or fake, let it end in _real or _fake, or say what it "
                         "means in a file for --labels");
    }
    if (options_.require_frames && frames_listed_ > 0 && !paths_.found_any()) {
      fail_at(file_, "none of its frames exists under " + index_.rgb_dir.string() + " (first: " +
                         first_frame_ + "); correct the frames' folder or extract the frames");
    }
  }

 private:
  void odd(const std::string& dataset, const std::string& text, bool is_empty = false) {
    if (!options_.keep.datasets.empty() && !keeps_dataset(options_.keep, dataset)) return;
    index_.faults.odd_entries.push_back({dataset, text, is_empty});
  }

  /// Names @p value if it is something else.
  bool is_object(const json& value, const std::string& dataset, const std::string& where) {
    if (value.is_object()) return true;
    odd(dataset, where + " is not a JSON object; " + nesting, value.empty());
    return false;
  }

  void read_split(const Video& of_split, const json& videos) {
    const std::string where = of_split.dataset + " > " + of_split.label + " > " + of_split.split;
    if (!is_split(of_split.split)) {
      odd(of_split.dataset,
          where + ": '" + of_split.split + "' is no split (train, val, test); " + nesting);
      return;
    }
    if (!is_object(videos, of_split.dataset, where)) return;
    // DeepfakeBench writes so the splits that DFDC lacks.
    if (videos.contains("frames") && !videos["frames"].is_object()) {
      odd(of_split.dataset, where + " holds a video's frames where videos belong",
          videos["frames"].empty());
      return;
    }
    for (const auto& [name, entry] : videos.items()) {
      Video video = of_split;
      if (is_compression(name) && entry.is_object() && !entry.contains("frames")) {
        video.compression = name;
        for (const auto& [inner_name, inner_entry] : entry.items()) {
          try_video(video, inner_name, inner_entry, where + " > " + name);
        }
      } else {
        try_video(video, name, entry, where);
      }
    }
  }

  /// Names an entry that is no video.
  void try_video(const Video& video, const std::string& name, const json& entry,
                 const std::string& parent) {
    try {
      read_video(video, name, entry, parent);
      ++entries_;
    } catch (const Odd& reason) {
      const bool is_empty =
          entry.empty() || (entry.is_object() && entry.size() == 1 && entry.begin()->empty());
      odd(video.dataset, reason.text, is_empty);
    }
  }

  void read_video(Video video, const std::string& name, const json& entry,
                  const std::string& parent) {
    const std::string where = parent + " > " + name;
    if (!entry.is_object() || !entry.contains("frames") || !entry["frames"].is_array()) {
      throw Odd{where + " has no list \"frames\"; " + nesting};
    }
    video.name = name;
    const std::string group = video.label;
    if (entry.contains("label")) video.label = text(entry["label"], where + " > label");
    const std::optional<int> class_known = class_of(video.label), of_group = class_of(group);
    if (class_known && of_group && class_known != of_group) {
      throw Odd{where + " is labelled " + video.label + ", which contradicts " + group +
                "; correct one of them"};
    }
    if (video.label != group && class_known && of_group) {
      if (is_plain(video.label)) {
        video.label = group;  // fake among FF-DF says less, not something else
      } else if (!is_plain(group)) {
        contradicts(video, where + " is labelled " + video.label + " in the group " + group);
      }
    }
    video.domain = domain_of(video.label);
    video.is_fake = class_known == 1;
    knows_a_label_ = knows_a_label_ || class_known;
    if (!class_known && unknown_label_.empty()) unknown_label_ = video.label;
    if (!keeps(options_.keep, video)) return;
    if (!class_known) {
      index_.faults.unknown_labels.push_back(std::move(video));
      return;
    }

    std::vector<std::string> listed = path_list(entry["frames"], where + " > frames");
    if (const std::size_t repeats = drop_repeats(listed); repeats > 0) {
      index_.faults.repeated_frames.push_back({video, repeats});
    }
    if (!listed.empty() && first_frame_.empty()) first_frame_ = listed.front();
    frames_listed_ += listed.size();
    std::vector<fs::path> frames;
    for (const std::string& path : listed) {
      fs::path frame = paths_.resolve(path);
      if (options_.keep_missing || files_.contains(frame)) frames.push_back(std::move(frame));
    }
    if (frames.empty()) {
      index_.faults.without_frames.push_back(std::move(video));
      return;
    }
    if (frames.size() < listed.size()) {
      index_.faults.missing_frames.push_back({video, listed.size() - frames.size()});
    }
    for (const std::size_t n : evenly_spaced(frames.size(), options_.keep.frames_per_video)) {
      video.frames.push_back(frames[n]);
    }
    if (entry.contains("masks") && !entry["masks"].is_null()) {
      add_masks(video, path_list(entry["masks"], where + " > masks"));
    }
    index_.videos.push_back(std::move(video));
  }

  std::optional<int> class_of(const std::string& label) const {
    const auto given = options_.labels.find(label);
    if (given != options_.labels.end()) return given->second.is_fake ? 1 : 0;
    return class_of_label(label);
  }

  std::string domain_of(const std::string& label) const {
    const auto given = options_.labels.find(label);
    const bool has_own = given != options_.labels.end() && !given->second.domain.empty();
    return has_own ? given->second.domain : label;
  }

  static bool is_plain(const std::string& label) {
    const std::string name = lower_case(label);
    return name == "real" || name == "fake";
  }

  void contradicts(const Video& video, const std::string& text) {
    if (keeps(options_.keep, video)) {
      index_.faults.contradictions.push_back({video.dataset, text});
    }
  }

  /// @return how many entries repeat another one
  static std::size_t drop_repeats(std::vector<std::string>& paths) {
    std::set<std::string> seen;
    return std::erase_if(paths, [&](const std::string& path) { return !seen.insert(path).second; });
  }

  static std::string text(const json& value, const std::string& where) {
    if (!value.is_string()) throw Odd{where + " is not a string"};
    return value.get<std::string>();
  }

  /// The paths in the order of their frame numbers.
  static std::vector<std::string> path_list(const json& list, const std::string& where) {
    if (!list.is_array()) throw Odd{where + " is not a list of paths"};
    using Key = std::tuple<long long, std::string>;
    std::vector<std::pair<Key, std::string>> keyed;
    for (const json& path : list) {
      std::string value = text(path, where);
      const std::string stem = stem_of(value);
      keyed.emplace_back(
          Key(frame_number(stem).value_or(std::numeric_limits<long long>::max()), stem), value);
    }
    std::ranges::stable_sort(keyed, {}, [](const auto& item) { return item.first; });
    std::vector<std::string> paths;
    for (auto& [key, path] : keyed) paths.push_back(std::move(path));
    return paths;
  }

  static std::string stem_of(const std::string& path) {
    const std::size_t slash = path.find_last_of("/\\");
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    return name.substr(0, name.rfind('.'));
  }

  void add_masks(Video& video, const std::vector<std::string>& masks) {
    std::map<std::string, std::string> by_stem;
    for (const std::string& mask : masks) by_stem[stem_of(mask)] = mask;
    if (by_stem.empty()) return;
    for (const fs::path& frame : video.frames) {
      const auto mask = by_stem.find(frame.stem().string());
      video.masks.push_back(mask == by_stem.end() ? fs::path() : paths_.resolve(mask->second));
    }
  }

  fs::path file_;
  const LoadOptions& options_;
  Index& index_;
  FramePaths paths_;
  ExistingFiles files_;
  std::size_t entries_ = 0;  // that are videos
  std::size_t frames_listed_ = 0;
  std::string first_frame_;
  bool knows_a_label_ = false;
  std::string unknown_label_;  // the first one
};

template <class Item>
void append(std::vector<Item>& to, std::vector<Item>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void append(Index& to, Index&& from) {
  append(to.videos, std::move(from.videos));
  append(to.faults.odd_entries, std::move(from.faults.odd_entries));
  append(to.faults.contradictions, std::move(from.faults.contradictions));
  append(to.faults.repeated_frames, std::move(from.faults.repeated_frames));
  append(to.faults.unknown_labels, std::move(from.faults.unknown_labels));
  append(to.faults.without_frames, std::move(from.faults.without_frames));
  append(to.faults.missing_frames, std::move(from.faults.missing_frames));
}

std::vector<fs::path> json_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".json" && path.filename() != "synthetic.json" &&
        entry.is_regular_file()) {
      files.push_back(path);
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

DataFolder locate_data(const fs::path& path, const fs::path& rgb_dir) {
  if (!fs::exists(path)) {
    throw std::runtime_error(path.string() + ": no such file or folder; correct the data's path");
  }
  const fs::path folder = fs::is_directory(path) ? path : fs::absolute(path).parent_path();
  DataFolder data;
  fs::path index_folder = folder;
  if (!fs::is_directory(path)) {
    data.index_files = {path};
  } else {
    for (const char* name : {"dataset_json", "preprocessing/dataset_json", "."}) {
      if (!fs::is_directory(folder / name)) continue;
      index_folder = folder / name;
      data.index_files = json_files(index_folder);
      if (!data.index_files.empty()) break;
    }
  }
  if (data.index_files.empty()) {
    throw std::runtime_error(path.string() +
                             ": no index found; looked for dataset_json/*.json, "
                             "preprocessing/dataset_json/*.json and *.json");
  }
  if (!rgb_dir.empty()) {
    data.rgb_dir = rgb_dir;
    if (!fs::is_directory(rgb_dir)) {
      throw std::runtime_error(rgb_dir.string() + ": no such folder; correct the frames' folder");
    }
  } else {
    data.rgb_dir = folder;
    const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
    for (const fs::path& candidate :
         {folder / "rgb", folder / "datasets" / "rgb", parent / "rgb", parent / "datasets" / "rgb",
          parent.parent_path() / "datasets" / "rgb"}) {
      if (fs::is_directory(candidate)) {
        data.rgb_dir = candidate;
        break;
      }
    }
  }
  for (const fs::path& place : {folder, index_folder, fs::absolute(index_folder) / ".."}) {
    data.synthetic = data.synthetic || is_synthetic(place / "synthetic.json");
  }
  return data;
}

Index load_index(const DataFolder& data, const LoadOptions& options) {
  Index index;
  index.synthetic = data.synthetic;
  index.rgb_dir = data.rgb_dir;
  std::string known;
  for (const fs::path& file : data.index_files) known += ' ' + file.stem().string();
  std::vector<fs::path> files = data.index_files;
  if (!options.keep.datasets.empty()) {
    files.clear();
    for (const std::string& name : options.keep.datasets) {
      const auto named = [&](const fs::path& file) {
        return file.stem() == name || file.stem() == split_compression(name).dataset;
      };
      const auto file = std::ranges::find_if(data.index_files, named);
      if (file == data.index_files.end()) {
        throw std::runtime_error("no index file for the data set " + name + "; there are:" + known);
      }
      if (std::ranges::find(files, *file) == files.end()) files.push_back(*file);
    }
  }
  std::string first_reason;
  std::size_t read = 0;
  for (const fs::path& file : files) {
    Index one;
    one.rgb_dir = data.rgb_dir;
    try {
      IndexFile(file, options, one).read();
      append(index, std::move(one));
      ++read;
    } catch (const std::runtime_error& error) {
      if (first_reason.empty()) first_reason = error.what();
      const auto& odd = one.faults.odd_entries;
      const bool is_empty = !odd.empty() && std::ranges::all_of(odd, &Faults::OddEntry::is_empty);
      index.faults.bad_files.push_back({file.stem().string(), error.what(), is_empty});
    }
  }
  if (read == 0 && !first_reason.empty()) throw std::runtime_error(first_reason);
  link_real_partners(index);
  return index;
}

}  // namespace deepfake
