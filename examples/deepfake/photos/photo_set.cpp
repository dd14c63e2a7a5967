// SPDX-License-Identifier: MIT
#include "photos/photo_set.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "data/face_finder.hpp"
#include "files/csv.hpp"
#include "photos/album.hpp"
#include "photos/photo_person.hpp"
#include "synthetic/manifest.hpp"
#include "synthetic/video.hpp"

namespace deepfake {
namespace {

namespace fs = std::filesystem;

constexpr int photo_set_version = 1;  ///< rises whenever the same options give other pixels

using People = std::vector<PhotoPerson>;

struct Split {
  const char* name;
  People people;
};

SetOrigin origin_of(const PhotoOptions& options) {
  const auto files = photo_files(options.photos);
  const fs::path cascade = options.crop ? find_cascade(options.cascade) : fs::path();
  return {
      .source = "photographs",
      .note =
          "Synthetic forgeries of photographs. Numbers on them say nothing about real "
          "deepfakes.",
      .version = photo_set_version,
      .seed = options.seed,
      .options = {{"seed", options.seed},
                  {"image_size", options.image_size},
                  {"frames_per_video", options.frames_per_video},
                  {"photo_files", files.size()},
                  {"photo_hash", photo_hash(options.photos, files)},
                  {"cascade", cascade.filename().string()},
                  {"cascade_hash",
                   options.crop ? photo_hash(cascade.parent_path(), {cascade.filename()}) : ""}}};
}

/// By a number that depends on seed and person only: other photographs in the folder do not move a
/// person far.
std::array<Split, 3> split_people(People people, std::uint64_t seed) {
  const auto rank = [seed](const PhotoPerson& person) {
    return std::pair(Random(seed).fork("split", person.album().key).bits(), person.album().key);
  };
  std::ranges::sort(people, {}, rank);
  const auto fifth = std::max<std::ptrdiff_t>(2, std::ssize(people) / 5);
  const auto test = people.end() - fifth;
  const auto val = test - fifth;
  return {Split{"train", {people.begin(), val}}, Split{"val", {val, test}},
          Split{"test", {test, people.end()}}};
}

/// Pairs of similar colour; the last one of an odd number makes a pair a ring of three.
std::vector<People> swapping_groups(const People& people) {
  std::vector<cv::Vec3f> colours;
  for (const PhotoPerson& person : people) colours.push_back(person.colour());
  std::vector<bool> used(people.size(), false);
  std::vector<People> groups;
  for (const auto& [first, second] : pair_alike(colours)) {
    groups.push_back({people[first], people[second]});
    used[first] = used[second] = true;
  }
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (!used[i]) groups.back().push_back(people[i]);
  }
  return groups;
}

std::vector<bool> grey_frames(const PhotoPerson& person, int frames) {
  std::vector<bool> grey;
  for (int k = 0; k < frames; ++k) grey.push_back(person.portrait(k).grey);
  return grey;
}

std::vector<Footage> film(const People& group, const Place& place, const PhotoOptions& options) {
  const int size = captured_size(options.image_size);
  constexpr int quality_low = 80, quality_high = 97;
  std::vector<Footage> footage;
  std::vector<Random> streams;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const PhotoPerson& person = group[i];
    streams.push_back(Random(options.seed).fork("photo", person.album().key, place.dataset));
    footage.push_back({person.name(), group[(i + 1) % group.size()].name(), {}, {}, {}});
    for (int k = 0; k < options.frames_per_video; ++k) {
      footage[i].frames.push_back(person.frame(streams[i], k, size));
      footage[i].publishing.push_back(
          sample_publishing(streams[i], k, size, options.image_size, quality_low, quality_high));
    }
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    footage[i].forge = [target = footage[i].frames, donor = footage[(i + 1) % group.size()].frames,
                        grey = grey_frames(group[i], options.frames_per_video),
                        stream = streams[i]](Manipulation manipulation, std::size_t k) {
      Face source = donor[k];
      if (grey[k]) source.image = grey_of(source.image);
      Forgery forgery = manipulate(manipulation, target[k], source,
                                   stream.fork("forgery", static_cast<int>(manipulation), k));
      if (grey[k]) forgery.image = grey_of(forgery.image);
      return forgery;
    };
  }
  return footage;
}

Job job_of(const Place& place, const People& group, const PhotoOptions& options) {
  Job job{place, {}, [&options, group, place] { return film(group, place, options); }};
  for (std::size_t i = 0; i < group.size(); ++i) {
    job.pairs.emplace_back(group[i].name(), group[(i + 1) % group.size()].name());
  }
  if (group.size() == 2) job.pairs.pop_back();  // a list of pairs names each once
  return job;
}

void write_identities(const PhotoOptions& options, const std::array<Split, 3>& splits) {
  CsvTable table{options.output / "identities.csv",
                 {"identity", "split", "photo", "x", "y", "width", "height"},
                 {}};
  for (const auto& [split, people] : splits) {
    for (const PhotoPerson& person : people) {
      for (const Portrait& portrait : person.album().portraits) {
        table.rows.push_back({person.name(), split, portrait.photo, std::to_string(portrait.box.x),
                              std::to_string(portrait.box.y), std::to_string(portrait.box.width),
                              std::to_string(portrait.box.height)});
      }
    }
  }
  std::ranges::sort(table.rows);
  write_csv(table);
}

/// The output must not be read as photographs the next time, nor photographs be replaced with it.
void require_apart(const fs::path& photos, const fs::path& output) {
  const fs::path a = fs::weakly_canonical(photos);
  const fs::path b = fs::weakly_canonical(output);
  const auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_a == a.end() || in_b == b.end()) {
    throw std::runtime_error(output.string() + " and the photographs' folder " + photos.string() +
                             " lie in one another; choose another output folder");
  }
}

}  // namespace

SyntheticSummary make_photo_set(const PhotoOptions& options, const ProgressCallback& progress) {
  if (options.output.empty()) throw std::runtime_error("make-data: name an output folder");
  require_apart(options.photos, options.output);
  check_frame_options(options.image_size, options.frames_per_video, options.threads);
  const SetOrigin origin = origin_of(options);
  if (auto found = find_complete(options.output, origin, options.force)) return *found;

  const Album album = read_album({.folder = options.photos,
                                  .cascade = options.cascade,
                                  .crop = options.crop,
                                  .side = captured_size(options.image_size)});
  if (std::ssize(album.people) < fewest_identities) {
    throw std::runtime_error(
        options.photos.string() + ": faces of " + std::to_string(album.people.size()) +
        " identities found, at least " + std::to_string(fewest_identities) +
        " are needed, two for each split; add photographs" +
        (album.left_out.empty() ? std::string()
                                : " (left out: " + std::to_string(album.left_out.size()) +
                                      ", the first: " + album.left_out.front() + ")"));
  }
  open_output(options.output, origin, options.force);

  People people;
  for (const AlbumPerson& person : album.people) {
    people.emplace_back(person, !options.crop, static_cast<int>(people.size()));
  }
  const std::array<Split, 3> splits = split_people(std::move(people), options.seed);
  std::vector<Job> jobs;
  for (const auto& [name, members] : splits) {
    for (const People& group : swapping_groups(members)) {
      jobs.push_back(job_of(training_place(name), group, options));
    }
  }
  for (const UnseenSet& set : unseen_sets) {
    if (needs_donor(set.manipulation)) continue;
    for (const People& group : swapping_groups(splits.back().people)) {
      jobs.push_back(job_of(unseen_place(set), group, options));
    }
  }
  SyntheticSummary summary = write_dataset(options.output, jobs, options.threads, progress);
  summary.identities = album.people.size();
  summary.left_out = album.left_out;
  write_identities(options, splits);
  complete_output(options.output, origin, summary);
  return summary;
}

}  // namespace deepfake
