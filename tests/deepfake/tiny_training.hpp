// SPDX-License-Identifier: MIT
// A training that takes a second, on a tiny rendered set.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sample_data.hpp"
#include "support/test.hpp"
#include "synthetic/generator.hpp"
#include "training/model.hpp"

namespace deepfake::testing {

/// One set for all tests.
inline const std::filesystem::path& tiny_data() {
  static const TemporaryFolder folder;
  static const std::filesystem::path data = [] {
    SyntheticOptions options;
    options.output = folder.path() / "data";
    options.image_size = 32;
    options.train_identities = 4;
    options.val_identities = options.test_identities = options.unseen_identities = 4;
    options.frames_per_video = 2;
    make_synthetic(options);
    return options.output;
  }();
  return data;
}

inline TrainOptions tiny_options(const std::string& method) {
  TrainOptions options;
  options.data = tiny_data().string();
  options.optimizer = method;
  options.model.width = 8;
  options.model.size = 32;
  options.epochs = 2;
  options.steps_per_epoch = 3;
  options.pairs = 2;
  options.schedule.warmup_steps = 2;
  options.checkpoint_steps = 0;
  options.log_steps = 2;
  return options;
}

inline std::vector<at::Tensor> tensors(const Detector& detector) {
  std::vector<at::Tensor> all = detector.parameters();
  for (const auto& buffer : detector.buffers()) all.push_back(buffer);
  return all;
}

inline void check_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(torch::equal(a[i], b[i]));
}

/// Stops after some steps, as Ctrl-C would.
inline std::function<bool()> stop_after(int steps) {
  return [left = steps]() mutable { return --left == 0; };
}

}  // namespace deepfake::testing
