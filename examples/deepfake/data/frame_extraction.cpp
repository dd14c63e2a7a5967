// SPDX-License-Identifier: MIT
#include "data/frame_extraction.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/person_names.hpp"
#include "files/file_kinds.hpp"
#include "files/npy.hpp"
#include "files/replace_file.hpp"
#include "images/image.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string file_name(int number, const char* ending) {
  char name[24];
  std::snprintf(name, sizeof name, "%03d%s", number, ending);
  return name;
}

void write_png(const fs::path& file, const cv::Mat& rgb) {
  const std::vector<unsigned char> png = encode_png(rgb);
  replace_file(file, {reinterpret_cast<const char*>(png.data()), png.size()});
}

void write_landmarks(const fs::path& file, const Landmarks& landmarks) {
  std::vector<double> values;
  for (const cv::Point2d& point : landmarks) values.insert(values.end(), {point.x, point.y});
  fs::create_directories(file.parent_path());
  write_npy(file, values, 2);
}

}  // namespace

FrameExtractor::FrameExtractor(const ImportOptions& options) : options_(options) {
  if (options.crop_faces) cutter_.emplace(options.face);
}

Extracted FrameExtractor::extract(const SourceVideo& source) {
  result_ = {};
  written_.clear();
  numbers_.clear();
  track_.reset();
  tracks_.reset();
  if (source.in_place) {
    result_.people.emplace_back();
    for (const NumberedImage& image : spaced_images(source.source)) {
      result_.people.front().push_back(
          fs::absolute(image.file).lexically_normal().generic_string());
    }
    result_.in_place = result_.people.front().size();
    return std::move(result_);
  }
  folder_ = source.folder;
  fs::create_directories(options_.output / "rgb" / folder_);
  if (!options_.every_person || !recall_people()) {
    std::vector<int> numbers;
    if (is_video_file(source.source) && !fs::is_directory(source.source)) {
      numbers = extract_video(source.source);
    } else if (fs::is_directory(source.source)) {
      numbers = convert_images(spaced_images(source.source));
    } else {
      numbers = convert_images({{0, source.source}});
    }
    // A video that turned out shorter than it says was walked twice: what was taken at first is
    // none of its evenly spaced frames.
    const std::set<int> spaced(numbers.begin(), numbers.end());
    for (std::set<int>& own : numbers_) {
      std::erase_if(own, [&](int number) { return !spaced.contains(number); });
    }
    if (options_.every_person) {
      remember_people();
    } else {
      numbers_.assign(1, spaced);
    }
  }
  for (std::size_t person = 0; person < numbers_.size(); ++person) {
    std::vector<std::string> frames;
    for (const int number : numbers_[person]) {
      if (!is_there(person, number)) continue;
      frames.push_back((below_rgb(person) / file_name(number, ".png")).generic_string());
      result_.written += written_.contains(frame_file(person, number)) ? 1 : 0;
    }
    result_.people.push_back(std::move(frames));
  }
  return std::move(result_);
}

fs::path FrameExtractor::below_rgb(std::size_t person) const {
  return folder_.parent_path() / name_of_person(folder_.filename().string(), person);
}

fs::path FrameExtractor::frame_file(std::size_t person, int number) const {
  return options_.output / "rgb" / below_rgb(person) / file_name(number, ".png");
}

fs::path FrameExtractor::landmark_file(std::size_t person, int number) const {
  const fs::path frames = below_rgb(person);
  return options_.output / "rgb" / frames.parent_path().parent_path() / "landmarks" /
         frames.filename() / file_name(number, ".npy");
}

bool FrameExtractor::is_there(std::size_t person, int number) const {
  return fs::exists(frame_file(person, number)) &&
         (!options_.face.is_aligned() || !cutter_ || fs::exists(landmark_file(person, number)));
}

bool FrameExtractor::is_done(int number) const {
  return !options_.every_person && is_there(0, number);
}

std::vector<NumberedImage> FrameExtractor::spaced_images(const fs::path& folder) const {
  const std::vector<NumberedImage> all = numbered_images(folder);
  std::vector<NumberedImage> spaced;
  for (const std::size_t n : evenly_spaced(all.size(), options_.frames)) spaced.push_back(all[n]);
  return spaced;
}

std::vector<int> FrameExtractor::extract_video(const fs::path& file) {
  std::set<int> faceless;
  try {
    // A face is followed through the video: where a frame is missing, all are looked at.
    std::vector<int> numbers = read_video_frames(
        file, options_.frames, [&](int number) { return !is_done(number); },
        [&](const VideoFrame& frame) {
          if (!write(frame)) faceless.insert(frame.number);
        },
        /*all_if_any=*/cutter_.has_value());
    result_.faceless = static_cast<std::size_t>(
        std::ranges::count_if(numbers, [&](int n) { return faceless.contains(n); }));
    return numbers;
  } catch (const UnreadableVideo&) {
    result_.unreadable.push_back(name_of(file));
    return {};
  }
}

std::vector<int> FrameExtractor::convert_images(const std::vector<NumberedImage>& images) {
  std::vector<int> numbers;
  for (const NumberedImage& image : images) numbers.push_back(image.number);
  if (std::ranges::all_of(numbers, [&](int number) { return is_done(number); })) return numbers;
  for (const auto& [number, file] : images) {
    if (!cutter_ && is_done(number)) continue;
    cv::Mat image;
    try {
      image = read_image(file);
    } catch (const std::runtime_error&) {
      result_.unreadable.push_back(name_of(file));
      continue;
    }
    result_.faceless += write({number, image}) ? 0 : 1;
  }
  return numbers;
}

bool FrameExtractor::write(const VideoFrame& frame) {
  if (!cutter_) {
    write(0, frame.number, {frame.rgb});
    return true;
  }
  const std::vector<FoundFace> faces = cutter_->faces(frame.rgb);
  std::vector<cv::Rect> boxes;
  for (const FoundFace& face : faces) boxes.push_back(face.box);
  if (options_.every_person) {
    const std::vector<std::size_t> people = tracks_.follow(boxes);
    for (std::size_t i = 0; i < faces.size(); ++i) {
      numbers_.resize(std::max(numbers_.size(), people[i] + 1));
      numbers_[people[i]].insert(frame.number);
      write(people[i], frame.number, cutter_->cut(frame.rgb, faces[i]));
    }
    return !faces.empty();
  }
  const std::optional<cv::Rect> box = track_.follow(boxes);
  if (!box) return false;
  write(0, frame.number, cutter_->cut(frame.rgb, *std::ranges::find(faces, *box, &FoundFace::box)));
  return true;
}

void FrameExtractor::write(std::size_t person, int number, const FaceCut& cut) {
  if (is_there(person, number)) return;
  const fs::path file = frame_file(person, number);
  // The frame comes last: where it is, its landmarks are.
  if (!cut.landmarks.empty()) write_landmarks(landmark_file(person, number), cut.landmarks);
  fs::create_directories(file.parent_path());
  write_png(file, cut.image);
  written_.insert(file);
}

std::string FrameExtractor::name_of(const fs::path& file) const {
  return file.lexically_relative(options_.from).generic_string();
}

/// Without it nobody could tell whether all of a video's people are there.
void FrameExtractor::remember_people() const {
  if (!result_.unreadable.empty()) return;  // named again the next time
  const json all{{"people", numbers_}, {"faceless", result_.faceless}};
  replace_file(options_.output / "rgb" / folder_ / "people.json", all.dump() + '\n');
}

bool FrameExtractor::recall_people() {
  std::ifstream stream(options_.output / "rgb" / folder_ / "people.json");
  if (!stream) return false;
  try {
    const json all = json::parse(stream);
    numbers_ = all.at("people").get<std::vector<std::set<int>>>();
    result_.faceless = all.at("faceless").get<std::size_t>();
  } catch (const json::exception&) {
    numbers_.clear();
    result_.faceless = 0;
    return false;
  }
  for (std::size_t person = 0; person < numbers_.size(); ++person) {
    for (const int number : numbers_[person]) {
      if (is_there(person, number)) continue;
      numbers_.clear();
      result_.faceless = 0;
      return false;
    }
  }
  return true;
}

}  // namespace deepfake
