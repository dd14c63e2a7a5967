// SPDX-License-Identifier: MIT
// Radii and numbers of points that no step can go by.
#include "support/accelerator.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using support::message_of;

namespace {

/// Two points; the second has this radius, or follows from what was met at the first.
struct Radii {
  static constexpr roga::Reads reads = roga::Reads::erm | roga::Reads::captured;
  static constexpr bool at_theta = true;
  double first = .1;
  double second = .1;
  bool follows = false;  ///< the second is the length of what was captured at the first
  std::int64_t count = 2;

  std::int64_t points(const roga::Step&) const { return count; }
  roga::Point point(roga::Step& step, std::size_t j) const {
    if (j == 0) return {.direction = roga::erm, .radius = first};
    return {.direction = roga::erm,
            .radius = follows ? step.norm(roga::captured(0)) : roga::Scalar(second)};
  }
};

struct Outcome {
  std::string message;
  bool skipped, moved;
};
/// One step of which pass number `broken` gives a gradient that is not finite.
Outcome step(const Radii& radii, roga::NonFinite rule = roga::NonFinite::skip, int broken = -1) {
  auto w = leaf({3, 4});
  auto optimizer =
      roga::wrap<torch::optim::SGD>(roga::recipe(radii, roga::Pooled{}, roga::CapturedGradient{}),
                                    problems::Parameters{w}, torch::optim::SGDOptions(.1));
  optimizer.non_finite(rule);
  bool moved = false;
  int pass = 0;
  const auto message = message_of([&] {
    optimizer.step([&] {
      moved = moved || !w.equal(leaf({3, 4}));
      auto loss = w.square().sum() / 2 * (pass++ == broken ? NAN : 1.0);
      loss.backward();
      return loss;
    });
  });
  if (message != "nothing") CHECK(w.equal(leaf({3, 4})));
  return {message, optimizer.last_step().skipped(), moved};
}

}  // namespace

TEST_CASE("point_check: a negative radius is refused before the weights move", "[point_check]") {
  for (const double radius : {-.05, -1e-300, -3.}) {
    for (const auto rule : {roga::NonFinite::skip, roga::NonFinite::ignore}) {
      const auto first = step({.first = radius}, rule);
      CHECK_THAT(first.message, ContainsSubstring("roga: point 0") &&
                                    ContainsSubstring(c10::str("the radius ", radius)));
      CHECK_FALSE(first.moved);
      CHECK_THAT(step({.second = radius}, rule).message, ContainsSubstring("roga: point 1"));
    }
    const support::AsOnAccelerator arithmetic;
    CHECK_THAT(step({.second = radius}).message, ContainsSubstring("roga: point 1"));
  }
  for (const double radius : {0., -0., .1}) CHECK(step({.first = radius}).message == "nothing");
}

TEST_CASE("point_check: a radius that is not finite is the policy's, or the step's",
          "[point_check]") {
  for (const double radius : {double(NAN), double(INFINITY), -double(INFINITY)}) {
    CHECK_THAT(step({.first = radius}).message, ContainsSubstring("roga: point 0"));
    CHECK(step({.first = radius}, roga::NonFinite::ignore).message == "nothing");
  }
  // Of a gradient that is not finite: the step is skipped, as without an ascent.
  for (const int broken : {0, 1}) {
    const auto outcome = step({.follows = true}, roga::NonFinite::skip, broken);
    CHECK(outcome.message == "nothing");
    CHECK(outcome.skipped);
  }
  CHECK(step({.follows = true}).message == "nothing");
  CHECK_FALSE(step({.follows = true}).skipped);
}

TEST_CASE("point_check: a negative number of points is refused", "[point_check]") {
  for (const std::int64_t count : {-1, -2, -1000}) {
    const auto outcome = step({.count = count});
    CHECK_THAT(outcome.message, ContainsSubstring(c10::str("points() returned ", count)));
    CHECK_FALSE(outcome.moved);
  }
  for (const std::int64_t count : {0, 1, 2}) {
    // Without a point there is no row for the alignment.
    CHECK((step({.count = count}).message == "nothing") == (count > 0));
  }
}
