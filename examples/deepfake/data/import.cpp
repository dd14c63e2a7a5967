// SPDX-License-Identifier: MIT
#include "data/import.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

#include "data/face_track.hpp"
#include "data/faults.hpp"
#include "data/import_sources.hpp"
#include "data/video_frames.hpp"
#include "files/file_kinds.hpp"
#include "files/replace_file.hpp"
#include "images/image.hpp"

namespace deepfake {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string frame_name(int number) {
  char name[24];
  std::snprintf(name, sizeof name, "%03d.png", number);
  return name;
}

void write_png(const fs::path& file, const cv::Mat& rgb) {
  const std::vector<unsigned char> png = encode_png(rgb);
  replace_file(file, {reinterpret_cast<const char*>(png.data()), png.size()});
}

/// What became of one video.
struct Outcome {
  std::vector<std::string> frames;  ///< paths for the index
  std::size_t written = 0;
  std::size_t in_place = 0;
  std::size_t faceless = 0;
  std::vector<std::string> unreadable;
};

/// Extracts videos one after the other; a thread has its own.
class Extractor {
 public:
  explicit Extractor(const ImportOptions& options) : options_(options) {
    if (options.crop_faces) cropper_.emplace(options.face);
  }

  Outcome extract(const SourceVideo& source) {
    outcome_ = {};
    written_.clear();
    track_.reset();
    if (source.in_place) {
      for (const NumberedImage& image : spaced_images(source.source)) {
        outcome_.frames.push_back(fs::absolute(image.file).lexically_normal().generic_string());
      }
      outcome_.in_place = outcome_.frames.size();
      return std::move(outcome_);
    }
    folder_ = options_.output / "rgb" / source.folder;
    fs::create_directories(folder_);
    std::vector<int> numbers;
    if (is_video_file(source.source) && !fs::is_directory(source.source)) {
      numbers = extract_video(source.source);
    } else if (fs::is_directory(source.source)) {
      numbers = convert_images(spaced_images(source.source));
    } else {
      numbers = convert_images({{0, source.source}});
    }
    for (const int number : numbers) {
      if (!is_there(number)) continue;
      outcome_.frames.push_back((source.folder / frame_name(number)).generic_string());
      outcome_.written += written_.contains(number) ? 1 : 0;
    }
    return std::move(outcome_);
  }

 private:
  bool is_there(int number) const { return fs::exists(folder_ / frame_name(number)); }

  std::vector<NumberedImage> spaced_images(const fs::path& folder) const {
    const std::vector<NumberedImage> all = numbered_images(folder);
    std::vector<NumberedImage> spaced;
    for (const std::size_t n : evenly_spaced(all.size(), options_.frames)) spaced.push_back(all[n]);
    return spaced;
  }

  std::vector<int> extract_video(const fs::path& file) {
    std::set<int> faceless;
    try {
      // A face is followed through the video: where a frame is missing, all are looked at.
      std::vector<int> numbers = read_video_frames(
          file, options_.frames, [&](int number) { return !is_there(number); },
          [&](const VideoFrame& frame) {
            if (!write(frame)) faceless.insert(frame.number);
          },
          /*all_if_any=*/cropper_.has_value());
      outcome_.faceless = static_cast<std::size_t>(
          std::ranges::count_if(numbers, [&](int n) { return faceless.contains(n); }));
      return numbers;
    } catch (const UnreadableVideo&) {
      outcome_.unreadable.push_back(name_of(file));
      return {};
    }
  }

  std::vector<int> convert_images(const std::vector<NumberedImage>& images) {
    std::vector<int> numbers;
    for (const NumberedImage& image : images) numbers.push_back(image.number);
    if (std::ranges::all_of(numbers, [&](int number) { return is_there(number); })) return numbers;
    for (const auto& [number, file] : images) {
      if (!cropper_ && is_there(number)) continue;
      cv::Mat image;
      try {
        image = read_image(file);
      } catch (const std::runtime_error&) {
        outcome_.unreadable.push_back(name_of(file));
        continue;
      }
      outcome_.faceless += write({number, image}) ? 0 : 1;
    }
    return numbers;
  }

  /// @return whether there was something to write
  bool write(const VideoFrame& frame) {
    cv::Mat image = frame.rgb;
    if (cropper_) {
      const std::optional<cv::Rect> face = track_.follow(cropper_->faces(frame.rgb));
      if (!face) return false;
      image = cropper_->crop(frame.rgb, *face);
    }
    if (is_there(frame.number)) return true;
    write_png(folder_ / frame_name(frame.number), image);
    written_.insert(frame.number);
    return true;
  }

  std::string name_of(const fs::path& file) const {
    return file.lexically_relative(options_.from).generic_string();
  }

  const ImportOptions& options_;
  std::optional<FaceCropper> cropper_;
  FaceTrack track_;  // of this video
  fs::path folder_;
  Outcome outcome_;
  std::set<int> written_;  // of this video
};

std::vector<Outcome> extract_all(const ImportOptions& options,
                                 const std::vector<SourceVideo>& videos,
                                 const std::function<void(std::size_t, std::size_t)>& progress) {
  std::vector<Outcome> outcomes(videos.size());
  std::atomic<std::size_t> next{0};
  std::size_t done = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    try {
      Extractor extractor(options);
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
    settings["cascade"] = options.face.cascade.filename().string();
    settings["faces"] = "one person per video";
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
  if (options.crop_faces && options.face.cascade.empty()) {
    options.face.cascade = find_cascade();
  }
  const Sources sources = find_sources(options);
  std::set<std::string> datasets;
  for (const SourceVideo& source : sources.videos) datasets.insert(source.video.dataset);
  for (const std::string& dataset : datasets) claim_dataset(options, dataset);

  const std::vector<Outcome> outcomes = extract_all(options, sources.videos, progress);
  ImportResult result;
  result.kind = sources.kind;
  result.faults = sources.faults;
  std::map<std::string, json> indexes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    const Video& video = sources.videos[i].video;
    ImportFaults& faults = result.faults;
    std::ranges::copy(outcome.unreadable, std::back_inserter(faults.unreadable));
    const std::string name =
        sources.videos[i].source.lexically_relative(options.from).generic_string();
    if (outcome.faceless > 0) {
      faults.without_face.push_back(name + " (" + std::to_string(outcome.faceless) + ")");
    }
    if (outcome.frames.empty()) {
      faults.without_frames.push_back(name);
      continue;
    }
    json* place = &indexes[video.dataset][video.dataset][video.label][video.split];
    if (!video.compression.empty()) place = &(*place)[video.compression];
    (*place)[video.name] = {{"label", video.label}, {"frames", outcome.frames}};
    result.videos += 1;
    result.frames += outcome.frames.size();
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
