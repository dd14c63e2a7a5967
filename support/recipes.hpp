// SPDX-License-Identifier: MIT
// Every recipe by name, with radii and weights large enough that each term matters.
#pragma once

#include <array>
#include <roga/roga.hpp>
#include <string_view>
#include <type_traits>

namespace every {

/// The value of an option, in one recipe or, where none is named, in all.
struct Value {
  std::string_view recipe, option;
  double value;
};
/// The first that fits; an option without one keeps its default.
inline constexpr std::array values{
    Value{"asam", "rho", .3},
    Value{"asam", "eta", .1},
    Value{"gsam", "alpha", .4},
    Value{"wsam", "gamma", .6},
    Value{"wsam_decoupled", "gamma", .6},
    Value{"looksam", "alpha", .7},
    Value{"fisher_sam", "eta", .5},
    Value{"gam", "gamma", .2},
    Value{"disam", "lambda", .3},
    Value{"fish", "beta", .2},
    Value{"and_mask", "tau", .6},
    Value{"sand_mask", "k", 10},
    Value{"group_dro", "eta", .5},
    Value{"vasso", "theta", .3},
    Value{"vrex", "lambda", .5},
    Value{"", "rho", .2},
    Value{"", "rho_grad", .1},
    Value{"", "alpha", .05},
    Value{"", "k", 3},
};

template <roga::Method Method>
constexpr auto options(Method) {
  typename Method::Options options;
  Method::Options::fields(options, [](std::string_view name, auto& option, auto...) {
    for (const Value& known : values) {
      const bool fits = known.recipe.empty() || known.recipe == Method::traits.name;
      if (!fits || known.option != name) continue;
      option = static_cast<std::decay_t<decltype(option)>>(known.value);
      return;
    }
  });
  return options;
}

/// Recipes that were added later come last, so that the others keep the places by which they were
/// recorded.
constexpr int lateness(std::string_view name) {
  constexpr std::array latest{"vasso",       "upgrad",   "config",   "imtl_g",
                              "aligned_mtl", "nash_mtl", "grad_drop"};
  for (const std::string_view late : latest) {
    if (name == late) return 3;
  }
  return name == "roga_adaptive" ? 2 : name == "grad_vac" ? 1 : 0;
}

template <bool domains, int late, class Visit>
void recipe_where(Visit& visit) {
  roga::recipes::for_each([&visit](auto method) {
    constexpr roga::MethodTraits traits = decltype(method)::traits;
    if constexpr (traits.domains == domains && lateness(traits.name) == late) {
      visit(traits.name.data(), method(options(method)), traits.ordered);
    }
  });
}

/// visit(name, recipe, whether the order of the domains matters)
template <class Visit>
void recipe_of_one_gradient(Visit&& visit) {
  recipe_where<false, 0>(visit);
  recipe_where<false, 3>(visit);
}

template <class Visit>
void recipe_of_domains(Visit&& visit) {
  recipe_where<true, 0>(visit);
  recipe_where<true, 1>(visit);
  recipe_where<true, 2>(visit);
  recipe_where<true, 3>(visit);
}

template <class Visit>
void recipe(Visit&& visit) {
  recipe_where<false, 0>(visit);
  recipe_where<true, 0>(visit);
  recipe_where<true, 1>(visit);
  recipe_where<true, 2>(visit);
  recipe_where<false, 3>(visit);
  recipe_where<true, 3>(visit);
}

}  // namespace every
