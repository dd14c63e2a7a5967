// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <roga/policy/composition.hpp>
#include <roga/policy/range.hpp>
#include <string_view>

namespace roga {
inline namespace v1 {

/// Facts about a method besides its recipe.
struct MethodTraits {
  std::string_view name;       ///< of the recipe, of its header, and of the function object
  std::string_view direction;  ///< in short, as the table in docs/recipes.md has it
  bool domains = false;        ///< K closures give another result than one of their mean loss
  bool ordered = false;        ///< another order of the domains does, too
  std::string_view note = {};  ///< beside the defaults, where they are not the paper's
};

/// The options of a method without options.
struct NoOptions {
  /// Calls nothing.
  static constexpr void fields(auto& /*options*/, auto&& /*field*/) {}
};

namespace detail {
struct AnyField {
  constexpr void operator()(const char*, auto&, const char*, Range) const {}
};
}  // namespace detail

/// A named recipe: a function object that makes the recipe from options, and says what it is. One
/// header in recipes/ and a line in recipes/all.hpp make a method; its tests, its rows in
/// docs/recipes.md and docs/options.md, and the detector's `--optimizer` follow from these.
///
///     struct SamOptions {
///       double rho = 0.05;  ///< radius, >= 0
///
///       static constexpr void fields(auto& options, auto&& field) {
///         field("rho", options.rho, "radius of the ascent", Range::not_negative());
///       }
///     };
///     struct Sam {
///       using Options = SamOptions;
///       static constexpr MethodTraits traits{.name = "sam", .direction = "q at theta + rho u(g)"};
///       constexpr auto operator()(SamOptions options = {}) const { return recipe(...); }
///     };
///     inline constexpr Sam sam;
///
/// `fields` calls `field(name, variable, meaning, range)` for each option, a double, std::int64_t,
/// std::uint64_t (a seed) or bool; `Order::fields(options.order, field)` does so for an order of
/// the domains. The range is what the recipe's policies accept: their validate() refuses the rest.
template <class T>
concept Method = requires(const T method, typename T::Options options) {
  { T::traits } -> std::convertible_to<MethodTraits>;
  T::Options::fields(options, detail::AnyField{});
  method(options);
};

}  // namespace v1
}  // namespace roga
