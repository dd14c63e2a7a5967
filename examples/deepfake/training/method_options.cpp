// SPDX-License-Identifier: MIT
#include "training/method_options.hpp"

#include <algorithm>
#include <roga/recipes/all.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace deepfake {
namespace {

struct Meaning {
  std::string text;
  std::vector<std::string> methods;
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

/// A meaning in more methods than one cares to read comes first, without their names.
std::string description_of(const std::vector<Meaning>& meanings) {
  constexpr std::size_t few = 4;
  std::string text;
  for (const bool named : {false, true}) {
    for (const Meaning& meaning : meanings) {
      if ((meaning.methods.size() <= few) != named) continue;
      text += text.empty() ? "" : "; ";
      text += named ? joined(meaning.methods) + ": " + meaning.text : meaning.text;
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
          find_or_add(option.meanings, meaning, &Meaning::text)
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
