// SPDX-License-Identifier: MIT
#include <roga/policy/radius_rule.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// |g_k| of the three quadratics at their start, by hand.
std::vector<double> gradient_norms(const Quadratics& problem) {
  std::vector<double> norms;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto g = problem.curvatures[k].mv(problem.w.detach() - problem.minima[k]);
    norms.push_back(g.norm().item<double>());
  }
  return norms;
}
template <class Recipe>
auto wrapped(const Recipe& recipe, Quadratics& problem) {
  return roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(.1));
}

}  // namespace

TEST_CASE("radius_rule: a loss budget bounds the first-order rise of the loss", "[policy]") {
  for (const double sigma : {.01, .1, 1., 100.}) {
    Quadratics problem;
    const auto norms = gradient_norms(problem);
    auto own = wrapped(recipes::roga({.rho = .05}), problem);
    own.perturbation().radius = {.loss_budget = sigma};
    own.step(problem.closures());
    const auto report = own.last_step();
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(report.radii()[k] == Approx(std::min(sigma / norms[k], .05)));
      CHECK(report.radii()[k] * report.ascent_norms()[k] <= sigma * (1 + 1e-9));
    }
  }
  // In a metric it is the norm in that metric that counts: radius |M^(1/2) g| = sigma.
  Quadratics problem;
  auto adaptive = wrapped(recipes::asam({.rho = 5}), problem);
  adaptive.perturbation().radius.loss_budget = .02;
  adaptive.step(problem.closures());
  CHECK(adaptive.last_step().radii()[0] * adaptive.last_step().ascent_norms()[0] == Approx(.02));
}

TEST_CASE("radius_rule: the step is that of the radius in numbers", "[policy]") {
  auto check = [](auto recipe, auto fixed, auto rule) {
    for (const double sigma : {.003, .05, 2.}) {
      Quadratics one;
      Quadratics other;
      const auto g = [&] {
        at::Tensor sum = torch::zeros({2}, at::kDouble);
        for (std::size_t k = 0; k < 3; ++k) {
          sum += one.curvatures[k].mv(one.w.detach() - one.minima[k]) / 3;
        }
        return sum.norm().item<double>();
      }();
      auto ruled = wrapped(recipe, one);
      rule(ruled, sigma);
      ruled.step(one.closures());
      auto plain = wrapped(fixed(std::min(sigma / g, .1)), other);
      plain.step(other.closures());
      CHECK(problems::deviation({one.w}, {other.w}) < 1e-12);
    }
  };
  auto budget = [](auto& optimizer, double sigma) {
    optimizer.perturbation().radius.loss_budget = sigma;
  };
  check(
      recipes::sam({.rho = .1}), [](double rho) { return recipes::sam({.rho = rho}); }, budget);
  check(
      recipes::fsam({.rho = .1}), [](double rho) { return recipes::fsam({.rho = rho}); }, budget);
  check(
      recipes::looksam({.rho = .1}), [](double rho) { return recipes::looksam({.rho = rho}); },
      budget);
}

TEST_CASE("radius_rule: domains may have radii of their own", "[policy]") {
  Quadratics problem;
  auto optimizer = wrapped(recipes::roga({.rho = .2}), problem);
  optimizer.perturbation().radius.domain_factors = {1, .5};
  optimizer.step(problem.closures());
  CHECK(optimizer.last_step().radii() == std::vector<double>{.2, .1, .2});
  // The factor is the domain's, wherever it stands among those present.
  auto closures = problem.closures();
  closures[0] = nullptr;
  optimizer.step(closures);
  CHECK(optimizer.last_step().radii() == std::vector<double>{.1, .2});
  // Both rules at once, and a schedule beneath them.
  optimizer.perturbation().radius.loss_budget = 1e-3;
  optimizer.schedule_radius(roga::schedules::constant(.4));
  optimizer.step(closures);
  for (const double norm : optimizer.last_step().ascent_norms()) CHECK(norm > 1e-3 / .2);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(optimizer.last_step().radii()[k] ==
          Approx(1e-3 / optimizer.last_step().ascent_norms()[k]));
  }
  optimizer.perturbation().radius.loss_budget = INFINITY;
  optimizer.step(closures);
  CHECK(optimizer.last_step().radii() == std::vector<double>{.2, .4});

  auto pooled = wrapped(recipes::roga_pooled({.rho = .2}), problem);
  pooled.perturbation().radius.domain_factors = {0, 1, 2};
  pooled.step(problem.closures());
  CHECK(pooled.last_step().radii() == std::vector<double>{0, .2, .4});

  auto all = wrapped(recipes::sam(), problem);
  all.perturbation().radius.domain_factors = {1, 1};
  CHECK_THROWS_WITH(all.step(problem.closures()), ContainsSubstring("domain_factors need"));
}

TEST_CASE("radius_rule: a gradient of zero goes nowhere, and wrong numbers are refused",
          "[policy]") {
  auto w = leaf({1, 2});
  auto optimizer =
      roga::wrap<Sgd>(recipes::sam(), std::vector<at::Tensor>{w}, torch::optim::SGDOptions(.1));
  optimizer.perturbation().radius = {.loss_budget = .1};
  auto nothing = [&] {
    auto loss = (w * 0).sum();
    loss.backward();
    return loss;
  };
  optimizer.step(nothing);
  CHECK_FALSE(optimizer.last_step().skipped());
  CHECK(optimizer.last_step().radii()[0] == Approx(.05));
  CHECK(w[0].item<double>() == 1);
  for (const double wrong : {0., -1., std::nan("")}) {
    optimizer.perturbation().radius = {.loss_budget = wrong};
    CHECK_THROWS_WITH(optimizer.step(nothing), ContainsSubstring("radius.loss_budget must be"));
  }
  for (const double wrong : {-1., double{INFINITY}, std::nan("")}) {
    optimizer.perturbation().radius = {.domain_factors = {1, wrong}};
    CHECK_THROWS_WITH(optimizer.step(nothing), ContainsSubstring("radius.domain_factors must be"));
  }
}

TEST_CASE("radius_rule: an accelerator's arithmetic gives the same", "[policy]") {
  auto train = [](bool as_accelerator) {
    Network net(3);
    roga::detail::treat_cpu_as_accelerator = as_accelerator;
    auto optimizer =
        roga::wrap<Sgd>(recipes::roga({.rho = .3}), net.parameters(), torch::optim::SGDOptions(.1));
    optimizer.perturbation().radius = {.loss_budget = .05, .domain_factors = {1, .1, 2}};
    for (int step = 0; step < 4; ++step) optimizer.step(net.closures());
    roga::detail::treat_cpu_as_accelerator = false;
    return problems::copy(net.parameters());
  };
  CHECK(problems::deviation(train(true), train(false)) < 1e-12);
}
