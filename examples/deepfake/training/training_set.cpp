// SPDX-License-Identifier: MIT
#include "training/training_set.hpp"

#include "data/identities.hpp"
#include "training/sampler.hpp"

namespace deepfake {

TrainingSet load_training_set(const TrainOptions& options) {
  const Index index = load_index(locate_data(options.data, options.rgb_dir));
  Selection selection{.datasets = options.datasets, .compression = options.compression};
  selection.split = "train";
  selection.datasets = dataset_names(select(index, selection));
  selection.domains = protocol_domains(options.protocol, manipulations(select(index, selection)));
  selection.frames_per_video = static_cast<std::size_t>(options.frames_per_video);

  TrainingSet set;
  set.train = select(index, selection);
  // Those that nobody asked for are of no concern.
  if (options.datasets.empty()) set.train.faults.bad_files = index.faults.bad_files;
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

}  // namespace deepfake
