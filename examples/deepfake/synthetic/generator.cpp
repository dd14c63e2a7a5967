// SPDX-License-Identifier: MIT
#include "synthetic/generator.hpp"

#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "synthetic/manifest.hpp"
#include "synthetic/video.hpp"

namespace deepfake {
namespace {

using nlohmann::json;

constexpr const char* training_dataset = "FaceForensics++";
constexpr const char* compression = "c23";

/// Where a kind of video goes, and what it is called.
struct Kind {
  std::string label;
  std::string folder;  ///< under rgb/, holds frames/ and masks/
};

Kind training_kind(Manipulation manipulation) {
  const auto kind = [](const char* label, const char* folder) {
    return Kind{label, std::string(training_dataset) + "/manipulated_sequences/" + folder + "/" +
                           compression};
  };
  switch (manipulation) {
    case Manipulation::deepfakes:
      return kind("FF-DF", "Deepfakes");
    case Manipulation::face2face:
      return kind("FF-F2F", "Face2Face");
    case Manipulation::faceswap:
      return kind("FF-FS", "FaceSwap");
    case Manipulation::neural_textures:
      return kind("FF-NT", "NeuralTextures");
    default:
      throw std::logic_error("not a training manipulation");
  }
}

struct FakeKind {
  Manipulation manipulation;
  Kind kind;
};

/// Two people who swap faces, and where their videos belong.
struct Job {
  std::string dataset, split, compression;
  Kind real;
  std::vector<FakeKind> fakes;
  std::pair<Person, Person> people;
};

struct VideoRecord {
  std::string label, name;
  std::vector<std::string> frames, masks;
};

std::string frame_path(const Kind& kind, const char* what, const std::string& video, int k) {
  char stem[16];
  std::snprintf(stem, sizeof stem, "%03d.png", k);
  return kind.folder + "/" + what + "/" + video + "/" + stem;
}

std::vector<VideoRecord> run(const Job& job, const SyntheticOptions& options) {
  const auto rgb = options.output / "rgb";
  const int size = captured_size(options.image_size);
  const auto frames_of = [&](const Person& person) {
    std::vector<Face> frames;
    for (int k = 0; k < options.frames_per_video; ++k) frames.push_back(person.frame(k, size));
    return frames;
  };
  const std::vector<Face> first = frames_of(job.people.first);
  const std::vector<Face> second = frames_of(job.people.second);

  std::vector<VideoRecord> records;
  const auto write_videos = [&](const Person& target, const std::vector<Face>& target_frames,
                                const Person& source, const std::vector<Face>& source_frames) {
    VideoRecord real{job.real.label, target.name(), {}, {}};
    std::vector<VideoRecord> fakes;
    for (const auto& [manipulation, kind] : job.fakes) {
      // As in FaceForensics++: target_source. Both re-enactments there name a source, too.
      const bool self = job.compression.empty() && !needs_donor(manipulation);
      fakes.push_back(
          {kind.label, target.name() + "_" + (self ? target.name() : source.name()), {}, {}});
    }
    for (int k = 0; k < options.frames_per_video; ++k) {
      const auto index = static_cast<std::size_t>(k);
      const PublishOptions publishing = target.publishing(k, size, options.image_size);
      real.frames.push_back(frame_path(job.real, "frames", real.name, k));
      write_image(rgb / real.frames.back(), publish(target_frames[index].image, publishing));
      for (std::size_t i = 0; i < fakes.size(); ++i) {
        const auto& [manipulation, kind] = job.fakes[i];
        const Forgery forgery =
            forge(manipulation, target, target_frames[index], source, source_frames[index], k);
        fakes[i].frames.push_back(frame_path(kind, "frames", fakes[i].name, k));
        fakes[i].masks.push_back(frame_path(kind, "masks", fakes[i].name, k));
        write_image(rgb / fakes[i].frames.back(), publish(forgery.image, publishing));
        write_image(rgb / fakes[i].masks.back(), publish_mask(forgery.mask, publishing));
      }
    }
    records.push_back(std::move(real));
    for (auto& fake : fakes) records.push_back(std::move(fake));
  };
  write_videos(job.people.first, first, job.people.second, second);
  write_videos(job.people.second, second, job.people.first, first);
  return records;
}

/// Numbers run on across splits and sets, so that no two sets share a person.
std::vector<Job> plan(const SyntheticOptions& options) {
  int next = 0;
  std::vector<Job> jobs;
  const auto add = [&](const Job& job, const Population& population, int count) {
    std::vector<Person> people;
    for (int i = 0; i < count; ++i) people.emplace_back(population, options.seed, next++);
    for (auto& pair : pair_up(std::move(people))) {
      jobs.push_back(job);
      jobs.back().people = std::move(pair);
    }
  };
  const Population standard = Population::standard();
  const std::pair<Person, Person> nobody{{standard, 0, 0}, {standard, 0, 0}};

  Job training{
      training_dataset,
      "",
      compression,
      {"FF-real", std::string(training_dataset) + "/original_sequences/youtube/" + compression},
      {},
      nobody};
  for (const auto manipulation : training_manipulations) {
    training.fakes.push_back({manipulation, training_kind(manipulation)});
  }
  for (const auto& [split, count] :
       {std::pair{"train", options.train_identities}, std::pair{"val", options.val_identities},
        std::pair{"test", options.test_identities}}) {
    training.split = split;
    add(training, standard, count);
  }
  for (const auto& set : unseen_sets) {
    const std::string name(set.dataset);
    add({name,
         "test",
         "",
         {name + "_real", name + "/real"},
         {{set.manipulation, {name + "_fake", name + "/fake"}}},
         nobody},
        set.shifted_population ? Population::shifted() : standard, options.unseen_identities);
  }
  return jobs;
}

void write_index(const SyntheticOptions& options, const std::vector<Job>& jobs,
                 const std::vector<std::vector<VideoRecord>>& records) {
  std::map<std::string, json> indexes;
  std::map<std::string, json> pairs{
      {"train", json::array()}, {"val", json::array()}, {"test", json::array()}};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Job& job = jobs[i];
    for (const auto& record : records[i]) {
      json& split = indexes[job.dataset][job.dataset][record.label][job.split];
      json& videos = job.compression.empty() ? split : split[job.compression];
      videos[record.name] = {{"label", record.label}, {"frames", record.frames}};
      if (!record.masks.empty()) videos[record.name]["masks"] = record.masks;
    }
    if (job.dataset == training_dataset) {
      pairs[job.split].push_back({job.people.first.name(), job.people.second.name()});
    }
  }
  for (const auto& [name, index] : indexes) {
    write_file(options.output / "dataset_json" / (name + ".json"), index.dump(1) + "\n");
  }
  for (const auto& [split, list] : pairs) {
    write_file(options.output / "rgb" / training_dataset / (split + ".json"), list.dump() + "\n");
  }
}

SyntheticSummary summarise(const std::vector<Job>& jobs,
                           const std::vector<std::vector<VideoRecord>>& records) {
  SyntheticSummary summary;
  summary.identities = 2 * jobs.size();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const auto& record : records[i]) {
      auto& count = summary.counts[jobs[i].dataset][record.label][jobs[i].split];
      ++count.videos;
      count.frames += record.frames.size();
    }
  }
  return summary;
}

void check(const SyntheticOptions& options) {
  const auto require = [](bool good, const std::string& what, int value, const char* rule) {
    if (!good) {
      throw std::runtime_error("make-data: " + what + " is " + std::to_string(value) +
                               "; it must be " + rule);
    }
  };
  if (options.output.empty()) throw std::runtime_error("make-data: name an output folder");
  require(options.image_size >= 32 && options.image_size <= 512, "image size", options.image_size,
          "between 32 and 512");
  require(options.frames_per_video >= 1 && options.frames_per_video <= 999, "frames per video",
          options.frames_per_video, "between 1 and 999");
  require(options.threads >= 1, "number of threads", options.threads, "at least 1");
  for (const auto& [what, count] :
       {std::pair{"number of training identities", options.train_identities},
        std::pair{"number of validation identities", options.val_identities},
        std::pair{"number of test identities", options.test_identities},
        std::pair{"number of unseen-set identities", options.unseen_identities}}) {
    require(count >= 2 && count % 2 == 0, what, count,
            "even and at least 2: identities come in pairs");
  }
}

/// OpenCV's own threads would fight with ours.
class SingleThreadedOpenCv {
 public:
  SingleThreadedOpenCv() : before_(cv::getNumThreads()) { cv::setNumThreads(1); }
  ~SingleThreadedOpenCv() { cv::setNumThreads(before_); }
  SingleThreadedOpenCv(const SingleThreadedOpenCv&) = delete;
  SingleThreadedOpenCv& operator=(const SingleThreadedOpenCv&) = delete;

 private:
  int before_;
};

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
  if (auto found = open_output(options)) return *found;

  const SingleThreadedOpenCv single_threaded;
  const std::vector<Job> jobs = plan(options);
  std::vector<std::vector<VideoRecord>> records(jobs.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // guards done, failure and the callback
  std::size_t done = 0;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs.size(); i = next++) {
      try {
        records[i] = run(jobs[i], options);
        const std::lock_guard lock(mutex);
        ++done;
        if (progress) progress(done, jobs.size());
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = jobs.size();
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int t = 1; t < options.threads; ++t) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);

  write_index(options, jobs, records);
  SyntheticSummary summary = summarise(jobs, records);
  complete_output(options, summary);
  return summary;
}

}  // namespace deepfake
