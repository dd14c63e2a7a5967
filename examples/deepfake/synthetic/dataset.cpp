// SPDX-License-Identifier: MIT
#include "synthetic/dataset.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <thread>

namespace deepfake {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* training_dataset = "FaceForensics++";
constexpr const char* training_compression = "c23";

Kind training_kind(Manipulation manipulation) {
  const auto kind = [](const char* label, const char* folder) {
    return Kind{label, std::string(training_dataset) + "/manipulated_sequences/" + folder + "/" +
                           training_compression};
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

struct VideoRecord {
  std::string label, name;
  std::vector<std::string> frames, masks;
};

std::string frame_path(const Kind& kind, const char* what, const std::string& video,
                       std::size_t k) {
  char stem[32];
  std::snprintf(stem, sizeof stem, "%03zu.png", k);
  return kind.folder + "/" + what + "/" + video + "/" + stem;
}

/// Writes one person's real video and its forgeries.
void write_videos(const fs::path& rgb, const Place& place, const Footage& footage,
                  std::vector<VideoRecord>& records) {
  VideoRecord real{place.real.label, footage.name, {}, {}};
  std::vector<VideoRecord> fakes;
  for (const auto& [manipulation, kind] : place.fakes) {
    // As in FaceForensics++: target_source. Both re-enactments there name a source, too.
    const bool self = place.compression.empty() && !needs_donor(manipulation);
    fakes.push_back(
        {kind.label, footage.name + "_" + (self ? footage.name : footage.source), {}, {}});
  }
  for (std::size_t k = 0; k < footage.frames.size(); ++k) {
    const PublishOptions& publishing = footage.publishing[k];
    real.frames.push_back(frame_path(place.real, "frames", real.name, k));
    write_image(rgb / real.frames.back(), publish(footage.frames[k].image, publishing));
    for (std::size_t i = 0; i < fakes.size(); ++i) {
      const auto& [manipulation, kind] = place.fakes[i];
      const Forgery forgery = footage.forge(manipulation, k);
      fakes[i].frames.push_back(frame_path(kind, "frames", fakes[i].name, k));
      fakes[i].masks.push_back(frame_path(kind, "masks", fakes[i].name, k));
      write_image(rgb / fakes[i].frames.back(), publish(forgery.image, publishing));
      write_image(rgb / fakes[i].masks.back(), publish_mask(forgery.mask, publishing));
    }
  }
  records.push_back(std::move(real));
  for (auto& fake : fakes) records.push_back(std::move(fake));
}

void write_index(const fs::path& output, const std::vector<Job>& jobs,
                 const std::vector<std::vector<VideoRecord>>& records) {
  std::map<std::string, json> indexes;
  std::map<std::string, json> pairs{
      {"train", json::array()}, {"val", json::array()}, {"test", json::array()}};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const Place& place = jobs[i].place;
    for (const auto& record : records[i]) {
      json& split = indexes[place.dataset][place.dataset][record.label][place.split];
      json& videos = place.compression.empty() ? split : split[place.compression];
      videos[record.name] = {{"label", record.label}, {"frames", record.frames}};
      if (!record.masks.empty()) videos[record.name]["masks"] = record.masks;
    }
    if (place.dataset != training_dataset) continue;
    for (const auto& [a, b] : jobs[i].pairs) pairs[place.split].push_back({a, b});
  }
  for (const auto& [name, index] : indexes) {
    write_file(output / "dataset_json" / (name + ".json"), index.dump(1) + "\n");
  }
  for (const auto& [split, list] : pairs) {
    write_file(output / "rgb" / training_dataset / (split + ".json"), list.dump() + "\n");
  }
}

SyntheticSummary count(const std::vector<Job>& jobs,
                       const std::vector<std::vector<VideoRecord>>& records) {
  SyntheticSummary summary;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const auto& record : records[i]) {
      auto& found = summary.counts[jobs[i].place.dataset][record.label][jobs[i].place.split];
      ++found.videos;
      found.frames += record.frames.size();
    }
  }
  return summary;
}

}  // namespace

Place training_place(const std::string& split) {
  const std::string folder = std::string(training_dataset) + "/original_sequences/youtube/";
  Place place{training_dataset,
              split,
              training_compression,
              {"FF-real", folder + training_compression},
              {}};
  for (const auto manipulation : training_manipulations) {
    place.fakes.push_back({manipulation, training_kind(manipulation)});
  }
  return place;
}

Place unseen_place(const UnseenSet& set) {
  const std::string name(set.dataset);
  return {name,
          "test",
          "",
          {name + "_real", name + "/real"},
          {{set.manipulation, {name + "_fake", name + "/fake"}}}};
}

std::string person_name(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "%03d", number);
  return text;
}

std::vector<std::pair<std::size_t, std::size_t>> pair_alike(std::span<const cv::Vec3f> colours) {
  constexpr std::ptrdiff_t candidates = 12;
  std::vector<std::size_t> left(colours.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  while (left.size() > 1) {
    const std::size_t first = left.front();
    const auto difference = [&](std::size_t other) {
      return cv::norm(colours[first] - colours[other]);
    };
    const auto end = left.begin() + std::min(std::ssize(left), candidates + 1);
    const auto best = std::ranges::min_element(left.begin() + 1, end, {}, difference);
    pairs.emplace_back(first, *best);
    left.erase(best);
    left.erase(left.begin());
  }
  return pairs;
}

SingleThreadedOpenCv::SingleThreadedOpenCv() : before_(cv::getNumThreads()) {
  cv::setNumThreads(1);
}
SingleThreadedOpenCv::~SingleThreadedOpenCv() { cv::setNumThreads(before_); }

SyntheticSummary write_dataset(const fs::path& output, const std::vector<Job>& jobs, int threads,
                               const ProgressCallback& progress) {
  const SingleThreadedOpenCv single_threaded;
  std::vector<std::vector<VideoRecord>> records(jobs.size());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // guards done, failure and the callback
  std::size_t done = 0;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs.size(); i = next++) {
      try {
        for (const Footage& footage : jobs[i].film()) {
          write_videos(output / "rgb", jobs[i].place, footage, records[i]);
        }
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
    for (int t = 1; t < threads; ++t) helpers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  write_index(output, jobs, records);
  return count(jobs, records);
}

void require_option(bool good, const std::string& what, int value, const char* rule) {
  if (!good) {
    throw std::runtime_error("make-data: " + what + " is " + std::to_string(value) +
                             "; it must be " + rule);
  }
}

void check_frame_options(int image_size, int frames_per_video, int threads) {
  require_option(image_size >= 32 && image_size <= 512, "image size", image_size,
                 "between 32 and 512");
  require_option(frames_per_video >= 1 && frames_per_video <= 999, "frames per video",
                 frames_per_video, "between 1 and 999");
  require_option(threads >= 1, "number of threads", threads, "at least 1");
}

}  // namespace deepfake
