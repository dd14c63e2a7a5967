// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "detection/test_data.hpp"
#include "text/table.hpp"

namespace deepfake {

/// --run, --checkpoint, --threads and --device, of every command that uses a trained detector.
template <class Options>
void add_detector_options(CLI::App& command, Options& options) {
  command.add_option("--run", options.run, "run folder, or one of its checkpoints")->required();
  command.add_option("--checkpoint", options.checkpoint, "best or last")
      ->check(CLI::IsMember({"best", "last"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads of LibTorch")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--device", options.device, "cpu, cuda or cuda:N")->capture_default_str();
}

/// --wide, of every command that prints a table. @return the width to print for
inline std::shared_ptr<std::size_t> add_wide(CLI::App& command) {
  auto width = std::make_shared<std::size_t>(terminal_width);
  command.add_flag_callback(
      "--wide", [width] { *width = 0; }, "all columns side by side, however wide");
  return width;
}

/// The options of TestOptions.
inline void add_test_options(CLI::App& command, TestOptions& options) {
  add_detector_options(command, options);
  command.add_option("--data", options.data, "folder of the data; the run's if not given");
  command.add_option("--rgb-dir", options.rgb_dir, "folder that frame paths start from");
  command.add_option("--compression", options.compression, "raw, c23 or c40");
  command.add_option("--labels", options.labels,
                     "JSON file of labels of your own; those the run keeps if not given");
  command.add_option("--datasets", options.datasets, "all with the split if not given");
  command.add_option("--split", options.split, "train, val or test")
      ->check(CLI::IsMember({"train", "val", "test"}))
      ->capture_default_str();
  command.add_option("--frames-per-video", options.frames_per_video, "evenly spaced; 0: all")
      ->capture_default_str();
}

}  // namespace deepfake
