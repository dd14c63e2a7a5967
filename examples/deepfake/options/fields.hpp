// SPDX-License-Identifier: MIT
// Options by name. A struct of options lists them once, in visit(field), which calls
// field(name, value, description) for each. That list serves the command line, JSON and messages.
//
// What holds is laid down in layers: defaults, then one set_from_json() after the other, for
// example of what all methods have in common, of the method, and of the command line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "text/unknown_name.hpp"

namespace deepfake {

template <class Options>
concept HasFields = requires(Options options) {
  options.visit([](const char*, auto&, const char*) {});
};

/// Sets one option. @throws std::exception for a value of another type
template <class Value>
void set_option(Value& value, const nlohmann::ordered_json& json) {
  value = json.get<Value>();
}
void set_option(int& value, const nlohmann::ordered_json& json);
void set_option(std::uint64_t& value, const nlohmann::ordered_json& json);
template <class Value>
void set_option(std::optional<Value>& value, const nlohmann::ordered_json& json) {
  if (json.is_null()) {
    value.reset();
  } else {
    Value given{};
    set_option(given, json);
    value = given;
  }
}

template <HasFields Options>
nlohmann::ordered_json to_json(const Options& options) {
  auto json = nlohmann::ordered_json::object();
  Options copy = options;  // visit works on variables
  copy.visit([&](const char* name, const auto& value, const char*) {
    if constexpr (requires { value.has_value(); }) {
      json[name] = value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
    } else {
      json[name] = value;
    }
  });
  return json;
}

/// Sets the options that @p json names, and leaves the others.
/// @param where for messages: the file
/// @throws std::runtime_error for an unknown name (with the nearest one) and for a value of the
/// wrong type
template <HasFields Options>
void set_from_json(Options& options, const nlohmann::ordered_json& json, const std::string& where) {
  if (!json.is_object()) throw std::runtime_error(where + ": must be an object of options");
  std::vector<std::string> names;
  options.visit([&](const char* name, auto& value, const char*) {
    names.emplace_back(name);
    const auto entry = json.find(name);
    if (entry == json.end()) return;
    try {
      set_option(value, *entry);
    } catch (const std::exception&) {
      throw std::runtime_error(where + ": option \"" + name + "\" cannot be " + entry->dump());
    }
  });
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(names, name) == names.end()) {
      throw std::runtime_error(where + ": " + unknown_name("option", name, names));
    }
  }
}

/// The options in a JSON file: a plain object of options, or a run's config.json.
nlohmann::ordered_json read_options(const std::string& file);

}  // namespace deepfake
