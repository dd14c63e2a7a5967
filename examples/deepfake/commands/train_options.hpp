// SPDX-License-Identifier: MIT
// Every field of TrainOptions as an option of a sub-command, and --config with the same names.
#pragma once

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "training/options.hpp"

namespace deepfake {

/// CLI11 reads -1 and numbers beyond 2^64 - 1 as that.
inline CLI::Validator whole_number() {
  return {[](const std::string& text) -> std::string {
            const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
            if (digits && text.size() < 20) return "";
            return "must be a whole number from 0 to 10^19 - 1, not " + text;
          },
          "", ""};
}

/// Options given on the command line come before those of --config, and those before defaults.
class TrainOptionsOnCommandLine {
 public:
  /// @param without options that the command has no use for
  explicit TrainOptionsOnCommandLine(CLI::App& command,
                                     const std::vector<std::string>& without = {}) {
    command.add_option("--config", config_, "JSON file of options, or a run's config.json");
    given_.visit([&](const std::string& name, auto& value, const char* description) {
      if (std::ranges::find(without, name) != without.end()) return;
      using Value = std::decay_t<decltype(value)>;
      CLI::Option* option = nullptr;
      if constexpr (std::is_same_v<Value, bool>) {
        option = command.add_flag("--" + name + ",!--no-" + name, value, description);
      } else if constexpr (std::is_same_v<Value, std::optional<bool>>) {
        option = command.add_flag_function(
            "--" + name + ",!--no-" + name, [&value](std::int64_t on) { value = on > 0; },
            description);
      } else {
        option = command.add_option("--" + name, value, description);
        if constexpr (!requires { value.has_value(); }) option->capture_default_str();
        if constexpr (std::is_same_v<Value, std::uint64_t> ||
                      std::is_same_v<Value, std::optional<std::uint64_t>>) {
          option->check(whole_number());
        }
      }
      options_.emplace_back(name, option);
    });
  }

  /// @param base what holds where nothing is given
  TrainOptions over(TrainOptions base) const {
    if (!config_.empty()) set_from_json(base, read_options(config_), config_);
    const nlohmann::ordered_json all = to_json(given_);
    nlohmann::ordered_json typed = nlohmann::ordered_json::object();
    for (const auto& [name, option] : options_) {
      if (option->count() > 0 && all.contains(name)) typed[name] = all[name];
    }
    set_from_json(base, typed, "command line");
    return base;
  }

 private:
  std::string config_;
  TrainOptions given_;
  std::vector<std::pair<std::string, CLI::Option*>> options_;
};

}  // namespace deepfake
