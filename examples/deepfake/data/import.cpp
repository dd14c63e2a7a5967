// SPDX-License-Identifier: MIT
#include "data/import.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "data/faults.hpp"
#include "data/frame_extraction.hpp"
#include "data/import_sources.hpp"
#include "data/person_names.hpp"
#include "files/replace_file.hpp"

namespace deepfake {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<Extracted> extract_all(const ImportOptions& options,
                                   const std::vector<SourceVideo>& videos,
                                   const std::function<void(std::size_t, std::size_t)>& progress) {
  std::vector<Extracted> outcomes(videos.size());
  std::atomic<std::size_t> next{0};
  std::size_t done = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    try {
      FrameExtractor extractor(options);
      for (std::size_t i = next++; i < videos.size(); i = next++) {
        outcomes[i] = extractor.extract(videos[i]);
        const std::lock_guard lock(mutex);
        if (progress) progress(++done, videos.size());
      }
    } catch (...) {
      next = videos.size();  // the others stop, too
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned n = 1; n < options.threads; ++n) others.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return outcomes;
}

fs::path index_file(const ImportOptions& options, const std::string& dataset) {
  return options.output / "dataset_json" / (dataset + ".json");
}

/// Frames of different options must not mix, and nobody else's index is overwritten.
void claim_dataset(const ImportOptions& options, const std::string& dataset) {
  json settings{{"from", fs::absolute(options.from / "").lexically_normal().generic_string()},
                {"frames", options.frames},
                {"crop_faces", options.crop_faces}};
  if (options.crop_faces) {
    settings["margin"] = options.face.margin;
    settings["size"] = options.face.size;
    settings["faces"] = options.every_person ? "every person" : "one person per video";
    if (options.face.is_aligned()) {
      settings["align"] = options.face.align;
      settings["landmarks"] = options.face.landmarks.filename().string();
      settings["enlargements"] = options.face.enlargements;
    } else {
      settings["cascade"] = options.face.cascade.filename().string();
    }
  }
  const fs::path file = options.output / "rgb" / dataset / "import.json";
  if (fs::exists(file)) {
    std::ifstream stream(file);
    const json before = json::parse(stream, nullptr, false);
    if (before == settings) return;
    throw std::runtime_error(file.string() + ": imported with other options, " + before.dump() +
                             "; import with these, or into another --output");
  }
  if (fs::exists(index_file(options, dataset))) {
    throw std::runtime_error(index_file(options, dataset).string() +
                             ": is there already and not from an import; choose another --output");
  }
  fs::create_directories(file.parent_path());
  replace_file(file, settings.dump(1) + '\n');
}

void require_outside(const ImportOptions& options) {
  const fs::path from = fs::weakly_canonical(options.from);
  const fs::path output = fs::weakly_canonical(options.output);
  if (std::ranges::mismatch(from, output).in1 == from.end()) {
    throw std::runtime_error(options.output.string() +
                             ": the output must not lie in the folder to import from");
  }
}

}  // namespace

ImportResult import_data(const ImportOptions& given,
                         const std::function<void(std::size_t, std::size_t)>& progress) {
  ImportOptions options = given;
  require_outside(options);
  if (options.name.empty()) {
    options.name = fs::absolute(options.output / "").parent_path().filename().string();
  }
  if (options.name != fs::path(options.name).filename() || options.name.starts_with('.')) {
    throw std::runtime_error("--name must be a name without folders, not " + options.name);
  }
  if (options.face.is_aligned()) {
    require_dlib();
    options.crop_faces = true;
    options.face.landmarks = find_landmark_model(options.face.landmarks);
  } else if (options.crop_faces && options.face.cascade.empty()) {
    options.face.cascade = find_cascade();
  }
  if (options.every_person && !options.crop_faces) {
    throw std::runtime_error(
        "--people each: faces have to be looked for; add --align dlib or --crop-faces");
  }
  const Sources sources = find_sources(options);
  std::set<std::string> datasets;
  for (const SourceVideo& source : sources.videos) datasets.insert(source.video.dataset);
  for (const std::string& dataset : datasets) claim_dataset(options, dataset);

  const std::vector<Extracted> outcomes = extract_all(options, sources.videos, progress);
  ImportResult result;
  result.kind = sources.kind;
  result.faults = sources.faults;
  std::map<std::string, json> indexes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Extracted& outcome = outcomes[i];
    const Video& video = sources.videos[i].video;
    ImportFaults& faults = result.faults;
    std::ranges::copy(outcome.unreadable, std::back_inserter(faults.unreadable));
    const std::string name =
        sources.videos[i].source.lexically_relative(options.from).generic_string();
    if (outcome.faceless > 0) {
      faults.without_face.push_back(name + " (" + std::to_string(outcome.faceless) + ")");
    }
    if (std::ranges::all_of(outcome.people, &std::vector<std::string>::empty)) {
      faults.without_frames.push_back(name);
      continue;
    }
    json* place = &indexes[video.dataset][video.dataset][video.label][video.split];
    if (!video.compression.empty()) place = &(*place)[video.compression];
    for (std::size_t person = 0; person < outcome.people.size(); ++person) {
      const std::vector<std::string>& frames = outcome.people[person];
      if (frames.empty()) continue;
      (*place)[name_of_person(video.name, person)] = {{"label", video.label}, {"frames", frames}};
      result.videos += 1;
      result.frames += frames.size();
    }
    result.written += outcome.written;
    result.in_place += outcome.in_place;
  }
  if (indexes.empty()) {
    throw std::runtime_error(options.from.string() + ": no video could be used; " +
                             to_text(result.faults));
  }
  replace_left_out(options.output, "import", left_out(result.faults));
  for (const auto& [dataset, index] : indexes) {
    fs::create_directories(index_file(options, dataset).parent_path());
    replace_file(index_file(options, dataset), index.dump(1) + '\n');
    result.datasets.push_back(dataset);
  }
  return result;
}

namespace {

/// Hands each kind of fault over, with what the terminal and left_out.csv call it.
template <class Add>
void each_kind(const ImportFaults& faults, Add&& add) {
  add("files that cannot be decoded", "undecodable file", faults.unreadable);
  add("videos with frames without a face (their number)", "frames without a face",
      faults.without_face);
  add("videos left out, no frame", "video without a frame", faults.without_frames);
  add("videos left out, in no split list", "video in no split list", faults.unlisted);
  add("videos left out, people of another split", "video across splits", faults.across_splits);
  add("videos of the lists that are not there", "listed video absent", faults.absent);
  add("left aside", "left aside", faults.ignored);
}

}  // namespace

std::string to_text(const ImportFaults& faults) {
  std::string text;
  each_kind(faults, [&](const char* kind, const char*, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += (text.empty() ? "" : "\n") + std::string(kind) + ", " + count_and_names(names);
  });
  return text;
}

std::vector<LeftOut> left_out(const ImportFaults& faults) {
  std::vector<LeftOut> rows;
  each_kind(faults,
            [&](const char* reason, const char* kind, const std::vector<std::string>& names) {
              for (const std::string& name : names) rows.push_back({"", "", kind, name, reason});
            });
  return rows;
}

}  // namespace deepfake
