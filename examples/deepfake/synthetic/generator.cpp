// SPDX-License-Identifier: MIT
#include "synthetic/generator.hpp"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "synthetic/dataset.hpp"
#include "synthetic/manifest.hpp"
#include "synthetic/video.hpp"

namespace deepfake {
namespace {

using Pair = std::pair<Person, Person>;

/// Both people of a pair, each a target with the other as source.
std::vector<Footage> film(const Pair& people, const SyntheticOptions& options) {
  const int size = captured_size(options.image_size);
  const auto frames_of = [&](const Person& person) {
    std::vector<Face> frames;
    for (int k = 0; k < options.frames_per_video; ++k) frames.push_back(person.frame(k, size));
    return frames;
  };
  const std::vector<Face> first = frames_of(people.first);
  const std::vector<Face> second = frames_of(people.second);
  const auto footage = [&](const Person& target, const std::vector<Face>& target_frames,
                           const Person& source, const std::vector<Face>& source_frames) {
    Footage result{target.name(), source.name(), target_frames, {}, {}};
    for (int k = 0; k < options.frames_per_video; ++k) {
      result.publishing.push_back(target.publishing(k, size, options.image_size));
    }
    result.forge = [=](Manipulation manipulation, std::size_t k) {
      return forge(manipulation, target, target_frames[k], source, source_frames[k],
                   static_cast<int>(k));
    };
    return result;
  };
  return {footage(people.first, first, people.second, second),
          footage(people.second, second, people.first, first)};
}

/// Numbers run on across splits and sets, so that no two sets share a person.
std::vector<Job> plan(const SyntheticOptions& options) {
  int next = 0;
  std::vector<Job> jobs;
  const auto add = [&](const Place& place, const Population& population, int count) {
    std::vector<Person> people;
    for (int i = 0; i < count; ++i) people.emplace_back(population, options.seed, next++);
    for (const auto& pair : pair_up(people)) {
      jobs.push_back({place, {{pair.first.name(), pair.second.name()}}, [pair, &options] {
                        return film(pair, options);
                      }});
    }
  };
  const Population standard = Population::standard();
  add(training_place("train"), standard, options.train_identities);
  add(training_place("val"), standard, options.val_identities);
  add(training_place("test"), standard, options.test_identities);
  for (const auto& set : unseen_sets) {
    add(unseen_place(set), set.shifted_population ? Population::shifted() : standard,
        options.unseen_identities);
  }
  return jobs;
}

void check(const SyntheticOptions& options) {
  if (options.output.empty()) throw std::runtime_error("make-data: name an output folder");
  check_frame_options(options.image_size, options.frames_per_video, options.threads);
  for (const auto& [what, count] :
       {std::pair{"number of training identities", options.train_identities},
        std::pair{"number of validation identities", options.val_identities},
        std::pair{"number of test identities", options.test_identities},
        std::pair{"number of unseen-set identities", options.unseen_identities}}) {
    require_option(count >= 2 && count % 2 == 0, what, count,
                   "even and at least 2: identities come in pairs");
  }
}

SetOrigin origin_of(const SyntheticOptions& options) {
  return {.source = "rendered",
          .note = "Rendered faces. Numbers on them say nothing about real deepfakes.",
          .version = generator_version,
          .seed = options.seed,
          .options = {{"seed", options.seed},
                      {"image_size", options.image_size},
                      {"train_identities", options.train_identities},
                      {"val_identities", options.val_identities},
                      {"test_identities", options.test_identities},
                      {"unseen_identities", options.unseen_identities},
                      {"frames_per_video", options.frames_per_video}}};
}

}  // namespace

SyntheticOptions SyntheticOptions::preset(std::string_view name) {
  SyntheticOptions options;
  if (name == "demo") return options;
  if (name == "quick") {
    options.train_identities = 40;
    options.val_identities = 12;
    options.test_identities = 20;
    options.unseen_identities = 12;
    options.frames_per_video = 2;
    return options;
  }
  if (name == "full") {
    options.train_identities = 720;
    options.val_identities = 140;
    options.test_identities = 140;
    options.unseen_identities = 100;
    options.frames_per_video = 8;
    return options;
  }
  throw std::runtime_error("unknown preset '" + std::string(name) + "'; use quick, demo or full");
}

SyntheticSummary make_synthetic(const SyntheticOptions& options, const ProgressCallback& progress) {
  check(options);
  const SetOrigin origin = origin_of(options);
  if (auto found = open_output(options.output, origin, options.force)) return *found;
  const std::vector<Job> jobs = plan(options);
  SyntheticSummary summary = write_dataset(options.output, jobs, options.threads, progress);
  summary.identities = 2 * jobs.size();
  complete_output(options.output, origin, summary);
  return summary;
}

}  // namespace deepfake
