// SPDX-License-Identifier: MIT
#include "detection/test_data.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "data/val_split.hpp"
#include "training/training_set.hpp"

namespace deepfake {

DetectorTest open_test(const TestOptions& options) {
  at::set_num_threads(options.threads);
  DetectorTest test{
      open_trained(options.run, options.checkpoint, options.device), {}, {}, false, 0};
  const TrainOptions& trained = test.trained.options;
  const std::string data = options.data.empty() ? test.trained.config.data.string() : options.data;
  test.index =
      load_index(locate_data(data, options.rgb_dir.empty() ? trained.rgb_dir : options.rgb_dir),
                 {.labels = labels_of(options.labels, test.trained.run)});
  if (options.split != "test" && trained.val_from_train > 0) {
    // The run's splits of the data that it was trained on, not the index's.
    std::vector<std::string> split = test.trained.config.train_datasets;
    const std::vector<std::string> there = dataset_names(test.index);
    std::erase_if(split, [&](const std::string& name) {
      return std::ranges::find(there, name) == there.end();
    });
    split_off_validation(test.index, split, trained.val_from_train);
  }
  test.synthetic = test.index.synthetic;
  test.parts = by_dataset(
      test.index,
      {.datasets = options.datasets,
       .split = options.split,
       .compression = options.compression.empty() ? trained.compression : options.compression,
       .frames_per_video = options.frames_per_video});
  for (const Index& part : test.parts) test.frames += count_frames(part);
  return test;
}

}  // namespace deepfake
