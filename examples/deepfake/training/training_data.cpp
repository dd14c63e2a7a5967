// SPDX-License-Identifier: MIT
#include "training/training_data.hpp"

#include <sstream>
#include <stdexcept>

#include "data/faults.hpp"
#include "images/image.hpp"
#include "runs/run_files.hpp"
#include "training/scoring.hpp"

namespace deepfake {
namespace {

std::size_t megabytes(int count) { return static_cast<std::size_t>(count) << 20U; }

void add_line(std::vector<std::string>& lines, const std::string& line) {
  if (!line.empty()) lines.push_back(line);
}

}  // namespace

TrainingData::TrainingData(const TrainOptions& options, Ranks& ranks, bool all_bytes)
    : ranks_(ranks),
      set_(load_training_set(options, all_bytes)),
      sampler_(set_.train, set_.domains,
               {.pairs = static_cast<std::size_t>(options.pairs),
                .steps_per_epoch = static_cast<std::size_t>(options.steps_per_epoch),
                .seed = options.seed}),
      cache_(set_.train, options.model.size, megabytes(options.cache_mb)),
      pipeline_(sampler_, cache_, options.augment, static_cast<std::size_t>(options.workers),
                ranks.share_of(sampler_.pairs_per_step())) {
  if (sampler_.pairs_per_step() < ranks.size()) {
    throw std::runtime_error("option pairs must be " + std::to_string(ranks.size()) +
                             " or more on as many ranks, not " + std::to_string(options.pairs) +
                             ": each rank takes its share of every domain's pairs");
  }
  if (!options.pseudo.empty()) {
    forger_.emplace(set_.train, cache_, options.pseudo_region);
    pipeline_.forge_with(&*forger_);
  }
  for (const Index& part : set_.val) {
    // Validation reads each frame once an epoch, training every one of them as often or more.
    val_caches_.emplace_back(part, options.model.size, megabytes(options.cache_mb) / 4);
    val_forgers_.emplace_back(part, val_caches_.back(), options.pseudo_region);
  }
}

std::int64_t TrainingData::steps_per_epoch() const {
  return static_cast<std::int64_t>(sampler_.steps_per_epoch());
}

std::size_t TrainingData::images_per_step() const {
  return 2 * sampler_.pairs_per_step() * set_.domains.size();
}

std::vector<FrameScore> TrainingData::validate(
    Detector& detector, const std::function<FrameJudge(std::size_t)>& judge) {
  std::vector<FrameScore> scores;
  for (std::size_t i = 0; i < set_.val.size(); ++i) {
    const Forger& forger = val_forgers_[i];
    const auto source = [&, read = val_caches_[i].source()](FrameRef frame) {
      return forger.makes(frame) ? forger.forge_for_validation(frame).fake : read(frame);
    };
    const auto part =
        score_frames(detector, set_.val[i], source, ranks_, {}, judge ? judge(i) : FrameJudge());
    scores.insert(scores.end(), part.begin(), part.end());
  }
  return scores;
}

std::vector<TrainingData::Example> TrainingData::examples(std::size_t of_each_kind) const {
  std::vector<Example> examples;
  if (!forger_) return examples;
  const auto& videos = set_.train.videos;
  for (const std::string& domain : set_.domains) {
    std::vector<std::size_t> of_kind;
    for (std::size_t v = 0; v < videos.size(); ++v) {
      if (!videos[v].pseudo.empty() && videos[v].domain == domain) of_kind.push_back(v);
    }
    for (const std::size_t n : evenly_spaced(of_kind.size(), of_each_kind)) {
      const FrameRef fake{of_kind[n], videos[of_kind[n]].frames.size() / 2};
      const SamplePair pair{{*videos[fake.video].real_partner, fake.frame}, fake, n};
      examples.push_back({videos[fake.video].pseudo, forger_->forge(pair)});
    }
  }
  return examples;
}

std::string TrainingData::outlines_text() const {
  if (!forger_) return "";
  return "forgeries are made along the landmarks of " +
         std::to_string(forger_->videos_with_landmarks()) + " of " +
         std::to_string(forger_->real_videos()) +
         " real videos, and else where --pseudo-region has "
         "the face";
}

std::string TrainingData::domains_text() const {
  std::string text;
  const std::vector<std::size_t> sizes = sampler_.sizes();
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    text += (k > 0 ? ", " : "") + domain_title(set_.domains[k], set_.synthetic) + " (" +
            std::to_string(sizes[k]) + " frames)";
  }
  return text;
}

std::size_t TrainingData::val_frames() const {
  std::size_t frames = 0;
  for (const Index& part : set_.val) frames += count_frames(part);
  return frames;
}

bool TrainingData::is_grey() const {
  constexpr std::size_t sampled = 16;
  for (const std::size_t n : evenly_spaced(set_.train.videos.size(), sampled)) {
    try {
      if (!has_no_colour(read_image(set_.train.videos[n].frames.front()))) return false;
    } catch (const std::runtime_error&) {
      continue;  // broken ones are named elsewhere
    }
  }
  return true;
}

std::vector<std::string> TrainingData::faults() const {
  std::vector<std::string> lines;
  add_line(lines, faults_text(set_.train));
  const std::string of_training = '\n' + (lines.empty() ? "" : lines.front()) + '\n';
  for (const Index& part : set_.val) {
    // Entries that are no videos belong to the whole index, and are in each part's faults.
    std::istringstream text(faults_text(part));
    for (std::string line; std::getline(text, line);) {
      if (of_training.find('\n' + line + '\n') == std::string::npos) add_line(lines, line);
    }
  }
  return lines;
}

std::vector<std::string> TrainingData::broken_images() const {
  std::vector<std::string> lines;
  add_line(lines, broken_text(cache_.broken(), "the nearest frame of the video taken instead"));
  for (const ImageCache& cache : val_caches_) {
    add_line(lines, broken_text(cache.broken(), "skipped in validation"));
  }
  return lines;
}

std::vector<ImageCache*> TrainingData::caches() {
  std::vector<ImageCache*> all{&cache_};
  for (ImageCache& cache : val_caches_) all.push_back(&cache);
  return all;
}

void TrainingData::gather_broken_images() {
  std::ostringstream mine;
  for (ImageCache* cache : caches()) {
    const auto frames = cache->broken_frames();
    mine << frames.size() << ' ';
    for (const FrameRef& frame : frames) mine << frame.video << ' ' << frame.frame << ' ';
  }
  for (const std::string& text : ranks_.of_all(mine.str())) {
    std::istringstream numbers(text);
    for (ImageCache* cache : caches()) {
      std::size_t count = 0;
      numbers >> count;
      for (FrameRef frame; count > 0 && numbers >> frame.video >> frame.frame; --count) {
        cache->know_broken(frame);
      }
    }
  }
}

std::vector<LeftOut> TrainingData::left_out() const {
  std::vector<LeftOut> rows = deepfake::left_out(set_.train);
  const auto add = [&](const std::vector<LeftOut>& more) {
    rows.insert(rows.end(), more.begin(), more.end());
  };
  for (const Index& part : set_.val) add(deepfake::left_out(part));
  add(cache_.left_out("the nearest frame of the video is taken in training"));
  for (const ImageCache& cache : val_caches_) add(cache.left_out("skipped in validation"));
  return rows;
}

}  // namespace deepfake
