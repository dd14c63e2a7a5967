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
      : given_(with_config(command), without) {}

  /// @param base what holds where nothing is given
  TrainOptions over(TrainOptions base) const {
    if (!config_.empty()) set_from_json(base, read_options(config_), config_);
    return given_.over(std::move(base));
  }

 private:
  /// First, so that --help begins with it.
  CLI::App& with_config(CLI::App& command) {
    command.add_option("--config", config_, "JSON file of options, or a run's config.json");
    return command;
  }

  std::string config_;
  OptionsOnCommandLine<TrainOptions> given_;
};

}  // namespace deepfake
