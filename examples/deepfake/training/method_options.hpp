// SPDX-License-Identifier: MIT
// The options of all methods together, as the library's recipes state them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace deepfake {

/// One name under which at least one method has an option.
struct MethodOption {
  using Value =
      std::variant<std::optional<double>, std::optional<std::uint64_t>, std::optional<bool>>;
  /// How an option of type T is held: as it is, but a std::int64_t as a double, which it is in
  /// other methods.
  template <class T>
  using Held = std::optional<std::conditional_t<std::is_same_v<T, std::int64_t>, double, T>>;

  const char* name;         ///< with dashes: w-erm
  const char* description;  ///< what it means, and in which methods if it means several things
  Value value;              ///< an empty one takes the method's own default
};

inline bool is_given(const MethodOption::Value& value) {
  return std::visit([](const auto& option) { return option.has_value(); }, value);
}

/// Hyper-parameters of a method, in the order in which the library's list of recipes has them.
class MethodOptions {
 public:
  /// Every option of every method, none of them given.
  MethodOptions();

  const std::vector<MethodOption>& all() const { return options_; }
  /// @throws std::runtime_error if no method has an option of that name
  MethodOption::Value& operator[](std::string_view name);
  const MethodOption::Value& operator[](std::string_view name) const;
  /// The same, of an option that is a number.
  std::optional<double>& number(std::string_view name) {
    return std::get<std::optional<double>>((*this)[name]);
  }

  /// Calls field(name, value, description) for each option.
  template <class Visit>
  void visit(Visit&& field) {
    for (MethodOption& option : options_) {
      std::visit([&](auto& value) { field(option.name, value, option.description); }, option.value);
    }
  }

 private:
  std::vector<MethodOption> options_;
};

/// "method, a recipe of the roga library: erm, sam, ..."
const char* optimizer_description();

}  // namespace deepfake
