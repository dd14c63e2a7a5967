// SPDX-License-Identifier: MIT
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "commands/options_on_command_line.hpp"
#include "training/options.hpp"

namespace deepfake {

/// The options of a training, and --config with the same names. Options given on the command line
/// come before those of --config, and those before defaults.
class TrainOptionsOnCommandLine {
 public:
  /// @param without options that the command has no use for
  explicit TrainOptionsOnCommandLine(CLI::App& command,
                                     const std::vector<std::string>& without = {})
      : given_(with_config(command), without) {
    for (const auto& [group, names] : groups()) {
      for (const std::string& name : names) {
        if (given_.has(name)) given_[name].group(group);
      }
    }
    const TrainOptions defaults;
    MethodOptions of_methods = defaults.method;
    of_methods.visit([&](const char* name, const auto&, const char*) {
      if (given_.has(name)) given_[name].group("Method");
    });
  }

  /// @param base what holds where nothing is given
  TrainOptions over(TrainOptions base) const {
    if (!config_.empty()) set_from_json(base, read_options(config_), config_);
    return given_.over(std::move(base));
  }

 private:
  /// What --help puts together.
  static std::vector<std::pair<std::string, std::vector<std::string>>> groups() {
    return {
        {"Data",
         {"data", "rgb-dir", "compression", "datasets", "labels", "protocol", "val-from-train",
          "allow-shared-people", "frames-per-video", "val-frames-per-video", "pseudo",
          "pseudo-region"}},
        {"Network",
         {"model", "width", "norm", "size", "normalisation", "mean", "std", "input-range",
          "weights", "train-only", "freeze", "cache-frozen"}},
        {"Method", {"optimizer", "base", "weight-decay", "momentum", "protect", "ema"}},
        {"Schedule",
         {"schedule", "lr", "warmup-steps", "final-lr", "step-epochs", "step-gamma", "epochs",
          "patience", "steps-per-epoch", "pairs", "seed", "select"}},
        {"Augmentation",
         {"augment", "flip", "affine", "shift", "scale", "rotation", "brightness", "contrast",
          "jpeg", "jpeg-quality", "blur", "blur-sigma", "resample", "hue", "saturation", "pca",
          "pair-augment"}},
        {"Output", {"log-steps", "checkpoint-steps"}},
        {"Machine", {"precision", "device", "threads", "workers", "cache-mb"}},
    };
  }

  /// First, so that --help begins with it.
  CLI::App& with_config(CLI::App& command) {
    command.add_option("--config", config_, "JSON file of options, or a run's config.json");
    return command;
  }

  std::string config_;
  OptionsOnCommandLine<TrainOptions> given_;
};

}  // namespace deepfake
