// SPDX-License-Identifier: MIT
#include "training/training_set.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "data/identities.hpp"
#include "training/nearest.hpp"
#include "training/sampler.hpp"

namespace deepfake {
namespace {

std::vector<std::string> dataset_names(const Index& index) {
  std::set<std::string> names;
  for (const Video& video : index.videos) names.insert(video.dataset);
  return {names.begin(), names.end()};
}

}  // namespace

std::vector<Index> by_dataset(const Index& index, const Selection& selection) {
  std::vector<std::string> datasets = selection.datasets;
  if (datasets.empty()) datasets = dataset_names(select(index, selection));
  std::vector<Index> parts;
  for (const std::string& dataset : datasets) {
    Selection one = selection;
    one.datasets = {dataset};
    Index part = select(index, one);
    const bool is_left_out = !selection.domains.empty() && manipulations(part).empty();
    if (!is_left_out) parts.push_back(std::move(part));
  }
  return parts;
}

TrainingSet load_training_set(const TrainOptions& options) {
  const Index index = load_index(locate_data(options.data, options.rgb_dir));
  Selection selection{.datasets = options.datasets, .compression = options.compression};
  selection.split = "train";
  selection.datasets = dataset_names(select(index, selection));
  selection.domains = protocol_domains(options.protocol, manipulations(select(index, selection)));
  selection.frames_per_video = static_cast<std::size_t>(options.frames_per_video);

  TrainingSet set;
  set.train = select(index, selection);
  set.datasets = selection.datasets;
  set.domains = selection.domains;
  set.fingerprint = fingerprint(
      select(index, {.datasets = selection.datasets, .compression = selection.compression}));
  set.synthetic = index.synthetic;

  Selection all_splits = selection;
  all_splits.split.clear();
  require_disjoint_identities(select(index, all_splits));

  selection.split = "val";
  selection.frames_per_video = static_cast<std::size_t>(options.val_frames_per_video);
  set.val = by_dataset(index, selection);
  return set;
}

std::size_t count_frames(const Index& index) {
  std::size_t count = 0;
  for (const Video& video : index.videos) count += video.frames.size();
  return count;
}

}  // namespace deepfake
