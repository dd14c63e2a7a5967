// SPDX-License-Identifier: MIT
#include "data/import_sources.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "data/frame_paths.hpp"
#include "files/file_kinds.hpp"
#include "text/lower_case.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

/// "0_real" is real.
std::string without_rank(const std::string& folder) {
  const std::size_t begin = folder.find_first_not_of("0123456789");
  return begin != std::string::npos && begin > 0 && folder[begin] == '_' ? folder.substr(begin + 1)
                                                                         : folder;
}

bool is_real_folder(const std::string& folder) {
  constexpr std::array known{"real",    "reals",    "original", "originals",
                             "youtube", "pristine", "genuine",  "authentic"};
  const std::string name = lower_case(without_rank(folder));
  return std::ranges::find(known, name) != known.end() || name.ends_with("-real") ||
         name.ends_with("_real");
}

std::string tree_label(const std::string& dataset, const std::string& folder) {
  std::string kind = without_rank(folder);
  if (is_real_folder(folder)) return dataset + "_real";
  if (lower_case(kind) == "fake" || lower_case(kind) == "fakes") return dataset + "_fake";
  std::ranges::replace(kind, '_', '-');  // what follows the last _ tells the class
  return dataset + "_fake-" + kind;
}

std::optional<std::string> split_of_folder(const std::string& folder) {
  static const std::map<std::string, std::string> known{
      {"train", "train"}, {"training", "train"}, {"val", "val"},   {"valid", "val"},
      {"dev", "val"},     {"validation", "val"}, {"test", "test"}, {"testing", "test"}};
  const auto found = known.find(lower_case(folder));
  if (found == known.end()) return std::nullopt;
  return found->second;
}

std::optional<int> last_number(const std::string& stem) {
  const std::size_t digits = stem.size() - (stem.find_last_not_of("0123456789") + 1);
  constexpr std::size_t fits_int = 9;
  if (digits == 0 || digits > fits_int) return std::nullopt;
  return static_cast<int>(*frame_number(stem.substr(stem.size() - digits)));
}

/// Lists a tree of folders.
class Tree {
 public:
  explicit Tree(const ImportOptions& options)
      : from_(options.from), dataset_(options.name), seed_(options.seed) {}

  Sources list() {
    sources_.kind = "a tree of folders";
    std::vector<std::pair<std::string, fs::path>> splits;
    for (const fs::path& entry : sorted_entries(from_)) {
      const auto split = split_of_folder(entry.filename().string());
      if (split && fs::is_directory(entry)) splits.emplace_back(*split, entry);
    }
    if (splits.empty()) {
      list_labels(from_, "");
      assign_splits(sources_.videos, seed_, true, sources_.faults);
    } else {
      for (const fs::path& entry : sorted_entries(from_)) {
        const auto is_entry = [&](const auto& split) { return split.second == entry; };
        if (std::ranges::none_of(splits, is_entry)) ignore(entry, "beside the splits");
      }
      for (const auto& [split, folder] : splits) list_labels(folder, split);
    }
    if (sources_.videos.empty()) {
      throw std::runtime_error(from_.string() +
                               ": nothing to import; expected folders real, A, B, ... (or train, "
                               "val and test with these) of videos, images or folders of images");
    }
    const auto is_fake = [](const SourceVideo& video) { return video.video.is_fake; };
    if (std::ranges::all_of(sources_.videos, is_fake)) {
      throw std::runtime_error(from_.string() + ": no folder of real data; name it real");
    }
    return std::move(sources_);
  }

 private:
  void ignore(const fs::path& path, const std::string& reason) {
    sources_.faults.ignored.push_back(path.lexically_relative(from_).generic_string() + " (" +
                                      reason + ")");
  }

  void list_labels(const fs::path& folder, const std::string& split) {
    for (const fs::path& label : sorted_entries(folder)) {
      if (fs::is_directory(label)) {
        list_videos(label, split);
      } else {
        ignore(label, "not in a folder that tells its label");
      }
    }
  }

  void list_videos(const fs::path& label_folder, const std::string& split) {
    const std::string folder_name = label_folder.filename().string();
    std::vector<fs::path> entries = sorted_entries(label_folder);
    // A folder of frames comes before the video that they are from.
    std::stable_partition(entries.begin(), entries.end(),
                          [](const fs::path& path) { return fs::is_directory(path); });
    std::set<std::string> names;
    for (const fs::path& entry : entries) {
      const bool is_folder = fs::is_directory(entry);
      const bool is_usable = is_folder ? !numbered_images(entry).empty()
                                       : is_image_file(entry) || is_video_file(entry);
      std::string name = is_folder ? entry.filename().string() : entry.stem().string();
      if (!is_usable) {
        ignore(entry, is_folder ? "a folder without images"
                                : "neither an image nor a video by its ending");
        continue;
      }
      if (!names.insert(name).second) {
        ignore(entry, "its frames, or another file of the name, are there");
        continue;
      }
      const std::string label = tree_label(dataset_, folder_name);
      const fs::path frames = fs::path(dataset_) / split / folder_name / "frames" / name;
      // Two folders of reals may both hold a 000.
      if (!taken_.insert({label, split, name}).second) name = folder_name + "-" + name;
      sources_.videos.push_back({.video = {.dataset = dataset_,
                                           .label = label,
                                           .domain = label,
                                           .split = split,
                                           .name = name,
                                           .is_fake = !is_real_folder(folder_name)},
                                 .source = entry,
                                 .folder = frames});
    }
  }

  fs::path from_;
  std::string dataset_;
  std::uint64_t seed_;
  Sources sources_;
  std::set<std::array<std::string, 3>> taken_;
};

}  // namespace

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with('.')) entries.push_back(entry.path());
  }
  std::ranges::sort(entries);
  return entries;
}

std::vector<NumberedImage> numbered_images(const fs::path& folder) {
  std::vector<NumberedImage> images;
  std::set<int> numbers;
  for (const fs::path& file : sorted_entries(folder)) {
    if (!is_image_file(file)) continue;
    const std::optional<int> number = last_number(file.stem().string());
    if (number) numbers.insert(*number);
    images.push_back({number.value_or(0), file});
  }
  if (numbers.size() == images.size()) {
    std::ranges::sort(images, {}, &NumberedImage::number);
  } else {
    for (std::size_t i = 0; i < images.size(); ++i) images[i].number = static_cast<int>(i);
  }
  return images;
}

Sources tree_sources(const ImportOptions& options) { return Tree(options).list(); }

Sources find_sources(const ImportOptions& options) {
  if (!fs::is_directory(options.from)) {
    throw std::runtime_error(options.from.string() + ": no such folder; correct --from");
  }
  for (const char* name : {"original_sequences", "manipulated_sequences"}) {
    if (fs::is_directory(options.from / name)) return face_forensics_sources(options);
  }
  for (const char* name : {"Celeb-real", "Celeb-synthesis"}) {
    if (fs::is_directory(options.from / name)) return celeb_df_sources(options);
  }
  return tree_sources(options);
}

}  // namespace deepfake
