// SPDX-License-Identifier: MIT
// The raw layouts of FaceForensics++ and Celeb-DF.
#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>

#include "data/identities.hpp"
#include "data/import_sources.hpp"
#include "data/selection.hpp"
#include "files/file_kinds.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

bool holds_images(const fs::path& folder) {
  return fs::is_directory(folder) && !numbered_images(folder).empty();
}

/// The videos of @p folder: frames/NAME where they were extracted already, files in videos/ or in
/// the folder itself elsewhere.
void collect(const ImportOptions& options, const Video& kind, const fs::path& folder,
             const fs::path& output, Sources& sources) {
  std::map<std::string, fs::path> found;
  const fs::path files = fs::is_directory(folder / "videos") ? folder / "videos" : folder;
  for (const fs::path& file : sorted_entries(files)) {
    if (fs::is_directory(file)) continue;
    if (is_video_file(file)) {
      found[file.stem().string()] = file;
    } else {
      sources.faults.ignored.push_back(file.lexically_relative(options.from).generic_string() +
                                       " (no video by its ending)");
    }
  }
  std::set<std::string> in_place;
  if (fs::is_directory(folder / "frames")) {
    for (const fs::path& frames : sorted_entries(folder / "frames")) {
      const std::string name = frames.filename().string();
      if (!holds_images(frames)) {
        // Of a video file of that name the frames are extracted.
        if (fs::is_directory(frames) && !found.contains(name)) {
          sources.faults.without_frames.push_back(
              frames.lexically_relative(options.from).generic_string());
        }
        continue;
      }
      found[name] = frames;
      if (!options.crop_faces) in_place.insert(name);
    }
  }
  for (const auto& [name, source] : found) {
    SourceVideo video{.video = kind,
                      .source = source,
                      .folder = output / "frames" / name,
                      .in_place = in_place.contains(name)};
    video.video.name = name;
    sources.videos.push_back(std::move(video));
  }
}

struct Sequence {
  const char* folder;
  const char* dataset;
  const char* label;
};
constexpr char face_forensics[] = "FaceForensics++";
constexpr char deepfake_detection[] = "DeepFakeDetection";
constexpr std::array<Sequence, 8> sequences{{
    {"original_sequences/youtube", face_forensics, "FF-real"},
    {"original_sequences/actors", deepfake_detection, "DFD_real"},
    {"manipulated_sequences/Deepfakes", face_forensics, "FF-DF"},
    {"manipulated_sequences/Face2Face", face_forensics, "FF-F2F"},
    {"manipulated_sequences/FaceSwap", face_forensics, "FF-FS"},
    {"manipulated_sequences/NeuralTextures", face_forensics, "FF-NT"},
    {"manipulated_sequences/FaceShifter", face_forensics, "FF-FH"},
    {"manipulated_sequences/DeepFakeDetection", deepfake_detection, "DFD_fake"},
}};

/// The split of each original video, from the lists of pairs.
std::map<std::string, std::string> read_pair_lists(const fs::path& root) {
  std::map<std::string, std::string> splits;
  for (const char* split : {"train", "val", "test"}) {
    const std::string name = std::string(split) + ".json";
    const fs::path file = fs::exists(root / name) ? root / name : root / "splits" / name;
    std::ifstream stream(file);
    if (!stream) {
      throw std::runtime_error((root / name).string() +
                               ": no such file; put FaceForensics++'s lists of pairs train.json, "
                               "val.json and test.json there");
    }
    try {
      for (const auto& pair : nlohmann::json::parse(stream)) {
        for (const auto& video : pair) splits[video.get<std::string>()] = split;
      }
    } catch (const nlohmann::json::exception&) {
      throw std::runtime_error(file.string() +
                               ": must be a list of pairs, [[\"071\", \"054\"], ...]");
    }
  }
  return splits;
}

std::string names_in(const fs::path& folder) {
  std::string names;
  for (const fs::path& entry : sorted_entries(folder)) {
    if (fs::is_directory(entry)) names += (names.empty() ? "" : ", ") + entry.filename().string();
  }
  return names;
}

/// Sets the split from the pair lists. @return whether there is one; the fault otherwise
bool find_split(const std::map<std::string, std::string>& splits, Video& video,
                const std::string& name, ImportFaults& faults) {
  std::istringstream ids(video.name);
  std::set<std::string> found;
  for (std::string id; std::getline(ids, id, '_');) {
    const auto split = splits.find(id);
    if (split == splits.end()) {
      faults.unlisted.push_back(name);
      return false;
    }
    found.insert(split->second);
  }
  if (found.size() != 1) {
    faults.across_splits.push_back(name);
    return false;
  }
  video.split = *found.begin();
  return true;
}

/// The videos (FOLDER/FILE without its ending) of the official test list.
std::set<std::string> read_test_list(const fs::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    throw std::runtime_error(file.string() +
                             ": no such file; it comes with Celeb-DF and names the test videos");
  }
  std::set<std::string> videos;
  std::string line, label, path;
  while (std::getline(stream, line)) {
    std::istringstream words(line);
    if (!(words >> label >> path)) continue;
    std::ranges::replace(path, '\\', '/');
    videos.insert(fs::path(path).replace_extension().generic_string());
  }
  if (videos.empty()) {
    throw std::runtime_error(file.string() + ": must hold lines such as 1 YouTube-real/00170.mp4");
  }
  return videos;
}

}  // namespace

Sources face_forensics_sources(const ImportOptions& options) {
  Sources sources;
  sources.kind = "FaceForensics++";
  std::string others;
  for (const Sequence& sequence : sequences) {
    const fs::path folder = options.from / sequence.folder;
    if (!fs::is_directory(folder)) continue;
    if (!fs::is_directory(folder / options.compression)) {
      others = names_in(folder);
      sources.faults.ignored.push_back(std::string(sequence.folder) + " (holds " +
                                       (others.empty() ? "nothing" : others) + ")");
      continue;
    }
    const Video kind{.dataset = sequence.dataset,
                     .label = sequence.label,
                     .domain = sequence.label,
                     .compression = options.compression,
                     .is_fake = class_of_label(sequence.label) == 1};
    const fs::path output = fs::path(face_forensics) / sequence.folder / options.compression;
    collect(options, kind, folder / options.compression, output, sources);
  }
  if (sources.videos.empty()) {
    throw std::runtime_error(options.from.string() + ": no video in compression " +
                             options.compression + (others.empty() ? "" : "; there is " + others) +
                             "; correct --compression");
  }
  std::optional<std::map<std::string, std::string>> splits;
  std::set<std::string> originals;
  for (const SourceVideo& source : sources.videos) {
    if (source.video.label == "FF-real") originals.insert(source.video.name);
  }
  std::erase_if(sources.videos, [&](SourceVideo& source) {
    if (source.video.dataset == deepfake_detection) {
      source.video.split = "test";  // it has no splits, and serves for tests
      return false;
    }
    if (!splits) splits = read_pair_lists(options.from);
    const fs::path name = source.source.lexically_relative(options.from);
    return !find_split(*splits, source.video, name.generic_string(), sources.faults);
  });
  if (splits) {
    for (const auto& [name, split] : *splits) {
      if (!originals.contains(name)) sources.faults.absent.push_back(name + " (" + split + ")");
    }
  }
  return sources;
}

namespace {

/// Celeb-DF++ has a folder for each scenario in Celeb-synthesis, and in it one for each method.
std::vector<fs::path> method_folders(const fs::path& synthesis) {
  std::vector<fs::path> methods;
  for (const char* scenario : {"FaceSwap", "FaceReenact", "TalkingFace"}) {
    if (!fs::is_directory(synthesis / scenario)) continue;
    for (const fs::path& method : sorted_entries(synthesis / scenario)) {
      if (fs::is_directory(method)) methods.push_back(method);
    }
  }
  return methods;
}

/// Collects the videos of Celeb-DF, first or second version, or ++.
void collect_celeb_df(const ImportOptions& options, Sources& sources) {
  const fs::path synthesis = options.from / "Celeb-synthesis";
  const std::vector<fs::path> methods =
      fs::is_directory(synthesis) ? method_folders(synthesis) : std::vector<fs::path>();
  const bool is_first =
      fs::absolute(options.from / "").parent_path().filename().string().ends_with("v1");
  const std::string version = !methods.empty() ? "++" : is_first ? "v1" : "v2";
  const std::string dataset = version == "++" ? "Celeb-DF++" : "Celeb-DF-" + version;
  sources.kind = dataset;
  const auto collect_kind = [&](const fs::path& folder, const std::string& ending, bool is_fake) {
    const std::string label = "CelebDF" + version + ending;
    const Video kind{.dataset = dataset, .label = label, .domain = label, .is_fake = is_fake};
    collect(options, kind, folder, dataset / folder.lexically_relative(options.from), sources);
  };
  for (const char* folder : {"Celeb-real", "YouTube-real"}) {
    if (fs::is_directory(options.from / folder)) {
      collect_kind(options.from / folder, "_real", false);
    }
  }
  if (methods.empty() && fs::is_directory(synthesis)) collect_kind(synthesis, "_fake", true);
  for (const fs::path& method : methods) {
    std::string name = method.filename().string();
    std::ranges::replace(name, '_', '-');  // what follows the last _ tells the class
    collect_kind(method, "_fake-" + name, true);
  }
}

}  // namespace

Sources celeb_df_sources(const ImportOptions& options) {
  Sources sources;
  const fs::path list = options.from / "List_of_testing_videos.txt";
  const std::set<std::string> listed = read_test_list(list);
  collect_celeb_df(options, sources);

  // The official test list shares people with the rest. What shows them cannot be trained on.
  std::vector<SourceVideo> test, rest;
  std::set<std::string> test_people, found;
  for (SourceVideo& source : sources.videos) {
    // Without "frames".
    const fs::path folder = source.folder.parent_path().parent_path();
    const std::string place =
        (folder.lexically_relative(sources.kind) / source.video.name).generic_string();
    found.insert(place);
    if (!listed.contains(place)) {
      rest.push_back(std::move(source));
      continue;
    }
    source.video.split = "test";
    const std::vector<std::string> people = identities({}, source.video);
    test_people.insert(people.begin(), people.end());
    test.push_back(std::move(source));
  }
  std::erase_if(rest, [&](const SourceVideo& source) {
    const std::vector<std::string> people = identities({}, source.video);
    const bool is_in_test = std::ranges::any_of(
        people, [&](const std::string& person) { return test_people.contains(person); });
    if (is_in_test) {
      sources.faults.across_splits.push_back(
          source.source.lexically_relative(options.from).generic_string());
    }
    return is_in_test;
  });
  std::ranges::set_difference(listed, found, std::back_inserter(sources.faults.absent));
  assign_splits(rest, options.seed, false, sources.faults);
  std::ranges::move(rest, std::back_inserter(test));
  sources.videos = std::move(test);
  return sources;
}

}  // namespace deepfake
