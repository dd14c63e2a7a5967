// SPDX-License-Identifier: MIT
#include "detection/test_data.hpp"

#include <ATen/Parallel.h>

namespace deepfake {

DetectorTest open_test(const TestOptions& options) {
  at::set_num_threads(options.threads);
  DetectorTest test{
      open_trained(options.run, options.checkpoint, options.device), {}, {}, false, 0};
  const TrainOptions& trained = test.trained.options;
  const std::string data = options.data.empty() ? test.trained.config.data.string() : options.data;
  test.index =
      load_index(locate_data(data, options.rgb_dir.empty() ? trained.rgb_dir : options.rgb_dir));
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
