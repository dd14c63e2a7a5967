// SPDX-License-Identifier: MIT
#include "training/method_options.hpp"

#include <algorithm>
#include <roga/recipes/all.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "text/table.hpp"

namespace deepfake {
namespace {

/// A default, and the methods in which it holds.
struct Default {
  std::string value;
  std::vector<std::string> methods;
};

struct Meaning {
  std::string text;
  std::vector<std::string> methods;
  std::vector<Default> defaults;
};

struct Named {
  std::string name;
  std::string description;
  MethodOption::Value empty;
  std::vector<Meaning> meanings;
};

template <class Range, class Projection>
auto& find_or_add(Range& range, const std::string& key, Projection member) {
  const auto found = std::ranges::find(range, key, member);
  if (found != range.end()) return *found;
  range.emplace_back().*member = key;
  return range.back();
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string value_text(double value) { return significant(value, 6); }
std::string value_text(bool value) { return value ? "on" : "off"; }
std::string value_text(std::int64_t value) { return std::to_string(value); }
std::string value_text(std::uint64_t value) { return std::to_string(value); }

/// The default of the most methods comes first, without their names.
std::string defaults_text(const std::vector<Default>& defaults) {
  const auto first =
      std::ranges::max_element(defaults, {}, [](const Default& one) { return one.methods.size(); });
  std::string text = first->value;
  for (auto one = defaults.begin(); one != defaults.end(); ++one) {
    if (one != first) text += "; " + joined(one->methods) + ' ' + one->value;
  }
  return " (" + text + ')';
}

/// A meaning in more methods than one cares to read comes first, without their names.
std::string description_of(const std::vector<Meaning>& meanings) {
  constexpr std::size_t few = 4;
  std::string text;
  for (const bool named : {false, true}) {
    for (const Meaning& meaning : meanings) {
      if ((meaning.methods.size() <= few) != named) continue;
      text += text.empty() ? "" : "; ";
      text += named ? joined(meaning.methods) + ": " + meaning.text : meaning.text;
      text += defaults_text(meaning.defaults);
    }
  }
  return text;
}

std::vector<Named> collected() {
  std::vector<Named> options;
  roga::recipes::for_each([&](auto method) {
    using Method = decltype(method);
    typename Method::Options of_method;
    Method::Options::fields(
        of_method, [&](std::string name, auto& value, const char* meaning, const roga::Range&) {
          using Value = std::decay_t<decltype(value)>;
          std::ranges::replace(name, '_', '-');
          Named& option = find_or_add(options, name, &Named::name);
          option.empty = MethodOption::Held<Value>();
          Meaning& known = find_or_add(option.meanings, meaning, &Meaning::text);
          known.methods.emplace_back(Method::traits.name);
          find_or_add(known.defaults, value_text(value), &Default::value)
              .methods.emplace_back(Method::traits.name);
        });
  });
  for (Named& option : options) option.description = description_of(option.meanings);
  return options;
}

}  // namespace

MethodOptions::MethodOptions() {
  static const std::vector<Named> known = collected();
  options_.reserve(known.size());
  for (const Named& option : known) {
    options_.push_back({option.name.c_str(), option.description.c_str(), option.empty});
  }
}

const MethodOption::Value& MethodOptions::operator[](std::string_view name) const {
  const auto found = std::ranges::find_if(
      options_, [&](const MethodOption& option) { return option.name == name; });
  if (found == options_.end()) {
    throw std::runtime_error("no method has an option " + std::string(name));
  }
  return found->value;
}

MethodOption::Value& MethodOptions::operator[](std::string_view name) {
  return const_cast<MethodOption::Value&>(std::as_const(*this)[name]);
}

const char* optimizer_description() {
  static const std::string text = [] {
    std::vector<std::string> names;
    roga::recipes::for_each([&](auto method) { names.emplace_back(method.traits.name); });
    return "method, a recipe of the roga library: " + joined(names);
  }();
  return text.c_str();
}

}  // namespace deepfake
