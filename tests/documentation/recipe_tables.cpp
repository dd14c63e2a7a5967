// SPDX-License-Identifier: MIT
// roga_recipe_tables recipes|options [PAGE]: prints the table of all recipes, or of their options,
// from what they say about themselves and what they cost; compares it with PAGE, if that is given.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <roga/cost.hpp>
#include <roga/recipes/all.hpp>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

/// Shortest text that reads back as the number: 2e-4.
std::string text_of(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  std::string shortest(text.data(), end);
  const auto zero = shortest.find("e-0");
  if (zero != std::string::npos) shortest.erase(zero + 2, 1);
  return shortest;
}
std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(std::uint64_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "on" : "off"; }

/// Within a cell.
std::string escaped(std::string_view text) {
  std::string cell;
  for (const char letter : text) {
    if (letter == '|') cell += '\\';
    cell += letter;
  }
  return cell;
}

template <class Recipe>
std::string passes_of(const Recipe& recipe) {
  if constexpr (requires { recipe.perturbation.frequency(); }) {
    auto in_each_step = recipe;
    in_each_step.perturbation.period = 1;
    const double beside = roga::cost(in_each_step, 4).passes - 1;
    return "1 + " + (beside == 1 ? "1" : text_of(beside)) + "/k";
  }
  const auto passes = [&](std::size_t domains) { return roga::cost(recipe, domains).passes; };
  const auto is = [&](auto formula) {
    return passes(2) == formula(2.0) && passes(4) == formula(4.0) && passes(8) == formula(8.0);
  };
  if (is([&](double) { return passes(4); })) return text_of(passes(4));
  if (is([](double domains) { return 1 + domains; })) return "1 + K";
  if (is([](double domains) { return 1 + 1 / domains; })) return "1 + 1/K";
  throw std::runtime_error("passes that recipe_tables.cpp has no formula for");
}

/// Flags and seeds are in the other table.
template <class Method>
std::string defaults_of(const Method&) {
  std::string text;
  typename Method::Options options;
  Method::Options::fields(options, [&](const std::string& name, const auto& value, auto...) {
    if constexpr (!std::is_unsigned_v<std::decay_t<decltype(value)>>) {
      text += (text.empty() ? "" : ", ") + name + " " + text_of(value);
    }
  });
  const std::string note(Method::traits.note);
  return text + (text.empty() || note.empty() ? "" : "; ") + note;
}

std::string recipes() {
  std::ostringstream table;
  table << "| recipe | direction | passes | copies, K = 1 | copies, K = 4 | domains | defaults |\n"
           "| --- | --- | --- | --- | --- | --- | --- |\n";
  roga::recipes::for_each([&](auto method) {
    constexpr roga::MethodTraits traits = decltype(method)::traits;
    const auto recipe = method();
    const std::string defaults = defaults_of(method);
    table << "| `" << traits.name << "` | " << escaped(traits.direction) << " | "
          << passes_of(recipe) << " | " << roga::cost(recipe, 1).copies << " | "
          << roga::cost(recipe, 4).copies << " | " << (traits.domains ? "yes" : "no")
          << (traits.ordered ? ", in order" : "") << " | " << escaped(defaults)
          << (defaults.empty() ? "|\n" : " |\n");
  });
  return table.str();
}

std::string options() {
  std::ostringstream table;
  table << "| recipe | option | meaning | default | range |\n| --- | --- | --- | --- | --- |\n";
  roga::recipes::for_each([&](auto method) {
    using Options = typename decltype(method)::Options;
    Options defaults;
    Options::fields(defaults, [&](const char* name, const auto& value, const char* meaning,
                                  const roga::Range& range) {
      using Value = std::decay_t<decltype(value)>;
      table << "| `" << method.traits.name << "` | `" << name << "` | " << escaped(meaning) << " | "
            << text_of(value) << " | ";
      if constexpr (std::is_same_v<Value, bool>) {
        table << "on, off";
      } else if constexpr (std::is_integral_v<Value>) {
        table << "whole, " << (std::is_unsigned_v<Value> ? roga::Range::not_negative() : range);
      } else {
        table << range;
      }
      table << " |\n";
    });
  });
  return table.str();
}

int run(const std::string& what, const char* page) {
  if (what != "recipes" && what != "options") throw std::runtime_error("recipes or options?");
  const std::string table = what == "recipes" ? recipes() : options();
  if (page == nullptr) {
    std::cout << table;
    return 0;
  }
  std::ifstream stream(page);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (text.find("<!-- " + what + " -->\n" + table + "<!-- end -->") != std::string::npos) return 0;
  throw std::runtime_error(std::string(page) +
                           " is not what the recipes say; write it anew: "
                           "cmake --build --preset dev --target recipe_pages");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : nullptr);
  } catch (const std::exception& error) {
    std::cerr << "roga_recipe_tables: " << error.what() << "\n";
    return 1;
  }
}
