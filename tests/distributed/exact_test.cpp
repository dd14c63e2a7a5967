// SPDX-License-Identifier: MIT
// Ranks against one process over the union of their data.
#include "support/recipes.hpp"
#include "tests/distributed/worlds.hpp"

using ranks::Rank;
using worlds::Drive;

namespace {

auto sgd() { return torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(1e-3); }

/// A line for each recipe: its name, and its weights' bits or how far they are from one process.
std::string every_recipe(Rank& me, const worlds::Rows& rows, roga::Placement placement,
                         double weight) {
  std::string out;
  const auto train = [&](const char* name, const auto& recipe, bool) {
    const auto found =
        worlds::compare(me, recipe, sgd(), rows, {.placement = placement, .weight = weight}, 4,
                        Drive::closures, [](auto&) {});
    const bool exact = found.away < 1e-12 && found.losses < 1e-12;
    out += std::string(name) + " " + found.bits +
           (exact ? ""
                  : " is away by " + std::to_string(found.away * 1e12) + "e-12, its loss by " +
                        std::to_string(found.losses * 1e12) + "e-12") +
           "\n";
  };
  every::recipe(train);
  train("roga_without_shift", roga::recipes::roga({.rho = 0.2, .alpha = 0}), true);
  return out;
}
void require_exact(const std::string& lines) {
  INFO(lines);
  REQUIRE(lines.find("away") == std::string::npos);
  REQUIRE(lines.find("roga ") != std::string::npos);
}

}  // namespace

TEST_CASE("distributed: shards of every recipe equal one process, and each other bit for bit",
          "[distributed][invariant]") {
  for (const std::size_t count : {2, 3, 4}) {
    const bool uneven = count == 3;
    require_exact(ranks::agreed(ranks::run(
        count,
        [&](Rank& me) {
          return every_recipe(me, worlds::shards(count, uneven), roga::Placement::shards,
                              uneven ? static_cast<double>(me.number + 1) : 1.0);
        },
        120)));
  }
}

TEST_CASE("distributed: domains on ranks equal one process, and each other bit for bit",
          "[distributed][invariant]") {
  for (const std::size_t count : {2, 3, 4}) {  // with 4, one rank has none
    require_exact(ranks::agreed(ranks::run(
        count,
        [&](Rank& me) {
          return every_recipe(me, worlds::whole(count), roga::Placement::domains, 1.0);
        },
        120)));
  }
}
