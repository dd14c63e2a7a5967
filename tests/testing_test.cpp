// SPDX-License-Identifier: MIT
// The rules of roga/testing.hpp: every recipe keeps them, and a broken policy is told its own.
#include <algorithm>
#include <cmath>
#include <roga/testing.hpp>
#include <stdexcept>

#include "support/recipes.hpp"
#include "support/test.hpp"

namespace {

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

/// Broken on purpose, each in one way.
struct Forgetful : roga::CapturedGradient {  // depends on how often it was asked
  roga::Combination direction(const roga::Step&) const {
    static int calls = 0;
    return (++calls % 2 == 0 ? 1.0 : 2.0) * roga::captured_mean;
  }
};
struct DividesByZero : roga::ErmGradient {
  roga::Combination direction(roga::Step& step) const {
    const double norm = step.norm(roga::erm).value();
    return (norm / (norm * norm)) * roga::erm;
  }
};
struct PrefersTheFirst {
  static constexpr roga::Reads reads = roga::Reads::domains;
  roga::Combination direction(const roga::Step&) const { return roga::domain(0); }
};
struct ReadsUndeclared {
  static constexpr roga::Reads reads = roga::Reads::erm;
  roga::Combination direction(const roga::Step&) const { return roga::captured(0); }
};
struct UnderstatesItsCost : roga::NormalizedAscent {
  static constexpr std::size_t visits(std::size_t) { return 0; }
};
struct RemembersBesideTheStep : roga::CapturedGradient {  // neither undone nor saved
  std::shared_ptr<double> weight = std::make_shared<double>(1.0);
  roga::Combination direction(const roga::Step&) const {
    *weight *= 0.5;
    return *weight * roga::captured_mean;
  }
};

/// Broken in what the compiler cannot see; each is told in one line.
struct Downhill : roga::NormalizedAscent {
  roga::Point point(const roga::Step&, std::size_t) const {
    return {.direction = roga::erm, .radius = -rho};
  }
};
struct DownhillAtTheSecond : roga::NormalizedAscent {
  std::size_t points(const roga::Step&) const { return 2; }
  roga::Point point(const roga::Step&, std::size_t j) const {
    return {.direction = roga::erm, .radius = j == 0 ? rho : -rho};
  }
  static constexpr std::size_t visits(std::size_t) { return 2; }
};
struct RadiusOfNothing : roga::NormalizedAscent {
  roga::Point point(const roga::Step& step, std::size_t) const {
    return {.direction = roga::erm, .radius = std::log(static_cast<double>(step.index()) - 1)};
  }
};
struct LessThanNoPoints : roga::NormalizedAscent {
  int points(const roga::Step&) const { return -1; }
};
struct RefusesItself : roga::NormalizedAscent {
  void validate() const { TORCH_CHECK(rho < 0, "rho must be negative\nin every step"); }
};
struct RefusesInItsOwnWords : roga::CapturedGradient {
  void validate() const { throw std::invalid_argument("no"); }
};
struct ReadsAnotherDomain : roga::CapturedGradient {
  static constexpr roga::Reads reads = roga::Reads::captured_mean | roga::Reads::erm;
  roga::Combination direction(const roga::Step& step) const {
    return step.domains() > 1 ? roga::domain(1) : roga::erm;
  }
};
struct ReadsDomainsOnTheWay : roga::NormalizedAscent {
  roga::Point point(const roga::Step&, std::size_t) const {
    return {.direction = roga::domain(2), .radius = rho};
  }
};
struct VisitsByDomain : roga::NormalizedAscent {
  static constexpr std::size_t visits(std::size_t domains) { return domains; }
};
struct VisitsMore : roga::NormalizedAscent {
  static constexpr int visits(std::size_t) { return 7; }
};
struct NeverLooks : roga::NormalizedAscent {
  double frequency() const { return 0; }
};
struct LooksMoreThanAlways : roga::NormalizedAscent {
  double frequency() const { return 10; }
};
struct SharesNothing : roga::Pooled {
  static constexpr double share(std::size_t) { return NAN; }
};

template <class Alignment, class Perturbation = roga::NormalizedAscent>
std::string broken(Alignment alignment, Perturbation perturbation = {}) {
  return listed(roga::testing::violations(roga::recipe(perturbation, roga::Pooled{}, alignment)));
}
bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

template <class Recipe>
void keeps_the_rules(const std::string& name, const Recipe& recipe, bool ordered) {
  INFO(name);
  CHECK(listed(roga::testing::violations(recipe, {.ordered = ordered})) == "");
}

}  // namespace

TEST_CASE("testing: every recipe of one gradient keeps the rules", "[testing][invariant]") {
  every::recipe_of_one_gradient([](auto... arguments) { keeps_the_rules(arguments...); });
}

TEST_CASE("testing: every recipe of several domains keeps the rules", "[testing][invariant]") {
  every::recipe_of_domains([](auto... arguments) { keeps_the_rules(arguments...); });
}

TEST_CASE("testing: policies composed across families keep the rules", "[testing][invariant]") {
  using roga::Over;
  const roga::DomainAscent ascent{.rho = .2};
  keeps_the_rules(
      "DISAM with GSAM",
      roga::recipe(roga::LossWeightedAscent{.rho = .2}, roga::Pooled{}, roga::OrthogonalDescent{}),
      false);
  keeps_the_rules(
      "DISAM with SAGM",
      roga::recipe(roga::LossWeightedAscent{.rho = .2}, roga::Pooled{}, roga::WeightedSum{}),
      false);
  keeps_the_rules("PCGrad over captured rows",
                  roga::recipe(ascent, roga::OwnDomain{}, roga::PcGrad<Over::captured>{}), true);
  keeps_the_rules("CAGrad over captured rows",
                  roga::recipe(ascent, roga::OwnDomain{}, roga::ConflictAverse<Over::captured>{}),
                  false);
  keeps_the_rules("MGDA over captured rows",
                  roga::recipe(ascent, roga::OwnDomain{}, roga::MinNorm<Over::captured>{}), false);
  keeps_the_rules("RoGA in ASAM's metric",
                  roga::recipe(roga::DomainAscentIn<roga::AbsoluteParameter>{.rho = .2},
                               roga::OwnDomain{}, roga::WeightedSum{}),
                  false);
}

TEST_CASE("testing: a broken policy is told which rule it breaks", "[testing]") {
  CHECK(broken(roga::CapturedGradient{}) == "");
  CHECK(mentions(broken(Forgetful{}), "repeatable"));
  CHECK(mentions(broken(DividesByZero{}), "zero gradients give a finite direction"));
  CHECK(mentions(broken(PrefersTheFirst{}), "permuting"));
  CHECK(mentions(broken(ReadsUndeclared{}), "declare it in the policy's `reads`"));
  CHECK(mentions(broken(roga::CapturedGradient{}, UnderstatesItsCost{}), "roga::cost"));
  const auto remembering = broken(RemembersBesideTheStep{});
  CHECK(mentions(remembering, "leaves no trace"));
  CHECK(mentions(remembering, "saving and loading"));
  const auto sam = roga::recipes::sam({.rho = .2});
  CHECK(roga::testing::deviation(sam, roga::recipes::looksam({.rho = .2, .k = 1})) < 1e-14);
  CHECK(roga::testing::deviation(sam, roga::recipes::erm()) > 1e-4);
}

TEST_CASE("testing: what the compiler cannot see is told in one line", "[testing]") {
  const roga::CapturedGradient captured;
  auto told_once = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(mentions(text, part));
    CHECK_FALSE(mentions(text, "frame #"));
    CHECK_FALSE(mentions(text, "Exception raised from"));
  };
  told_once(broken(captured, Downhill{}),
            "roga: point 0 of the perturbation policy has the radius");
  told_once(broken(captured, DownhillAtTheSecond{}), "roga: point 1");
  told_once(broken(captured, RadiusOfNothing{}), "point 0");
  told_once(broken(captured, LessThanNoPoints{}), "points() returned -1");
  told_once(broken(captured, RefusesItself{}), "rho must be negative");
  told_once(broken(RefusesInItsOwnWords{}), "steps run: no");
  told_once(broken(ReadsUndeclared{}), "the row captured(0)");
  told_once(broken(ReadsAnotherDomain{}), "the row domain(1)");
  told_once(broken(captured, ReadsDomainsOnTheWay{}), "the row domain(2)");
  told_once(broken(captured, UnderstatesItsCost{}), "visits() says 0 points");
  told_once(broken(captured, VisitsByDomain{}), "visits() says 2 points over 2 domains");
  told_once(broken(captured, VisitsMore{}), "visits() says 7 points");
  told_once(broken(captured, NeverLooks{}), "frequency()");
  told_once(broken(captured, LooksMoreThanAlways{}), "not in (0, 1]");
  told_once(listed(roga::testing::violations(
                roga::recipe(roga::NormalizedAscent{}, SharesNothing{}, captured))),
            "share()");
}
