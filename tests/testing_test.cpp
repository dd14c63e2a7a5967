// SPDX-License-Identifier: MIT
// The rules of roga/testing.hpp: every recipe keeps them, and a broken policy is told its own.
#include <roga/testing.hpp>

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
