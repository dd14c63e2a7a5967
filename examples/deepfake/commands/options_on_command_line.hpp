// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "options/fields.hpp"
#include "text/table.hpp"

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

/// Every field of a struct of options as an option of a sub-command. Must stay where it is.
template <HasFields Options>
class OptionsOnCommandLine {
 public:
  /// @param without options that the command has no use for
  explicit OptionsOnCommandLine(CLI::App& command, const std::vector<std::string>& without = {}) {
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
        if constexpr (requires { value.push_back({}); } && !std::is_same_v<Value, std::string>) {
          option->delimiter(',');
        }
        if constexpr (std::is_same_v<Value, double>) {
          option->default_str(significant(value, 6));  // 0.1, and no 17 digits
        } else if constexpr (!requires { value.has_value(); }) {
          option->capture_default_str();
        }
        if constexpr (std::is_same_v<Value, std::uint64_t> ||
                      std::is_same_v<Value, std::optional<std::uint64_t>>) {
          option->check(whole_number());
        }
      }
      options_[name] = option;
    });
  }
  OptionsOnCommandLine(const OptionsOnCommandLine&) = delete;
  OptionsOnCommandLine& operator=(const OptionsOnCommandLine&) = delete;

  CLI::Option& operator[](const std::string& name) { return *options_.at(name); }
  bool has(const std::string& name) const { return options_.contains(name); }

  /// @p base with what was given in its place.
  Options over(Options base) const {
    const nlohmann::ordered_json all = to_json(given_);
    auto given = nlohmann::ordered_json::object();
    for (const auto& [name, option] : options_) {
      if (option->count() > 0) given[name] = all.at(name);
    }
    set_from_json(base, given, "command line");
    return base;
  }

 private:
  Options given_;
  std::map<std::string, CLI::Option*> options_;
};

}  // namespace deepfake
