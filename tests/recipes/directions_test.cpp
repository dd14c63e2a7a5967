// SPDX-License-Identifier: MIT
// One step of each recipe against numbers worked out by hand.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::check;
using problems::direction;
using problems::Quadratics;
namespace recipes = roga::recipes;

TEST_CASE(
    "directions: ERM, SAM, ASAM, SAGM, GAC-FAS and RoGA give the golden ones on three quadratics",
    "[recipes][golden]") {
  check(direction(recipes::erm()), .3566666667, .1133333333);
  check(direction(recipes::sam({.rho = .1})), .4698738866, .1651123503);
  check(direction(recipes::asam({.rho = .1, .eta = .01})), .4386330739, .1290884751);
  check(direction(recipes::asam({.rho = .1, .eta = 0})), .4374958847, .1286441763);
  check(direction(recipes::sagm({.rho = .1, .alpha = .05})), .4026786100, .1343783974);
  check(direction(recipes::gac_fas({.rho = .1, .alpha = .05})), .7065462966, .2139908919);
  check(direction(recipes::roga({.rho = .1, .alpha = .05, .w_erm = 0, .w_gen = 1})), .2867577769,
        .1552918751);
  check(direction(recipes::roga({.rho = .1, .alpha = .05, .w_erm = 1, .w_gen = 1})), .6434244436,
        .2686252084);
  check(direction(recipes::roga_pooled({.rho = .1, .alpha = .05, .w_erm = 1, .w_gen = 1})),
        .7065462966, .2139908919);
}

TEST_CASE("directions: the wider family gives the golden ones on three quadratics",
          "[recipes][golden]") {
  check(direction(recipes::gsam({.rho = .1, .alpha = .2})), .4691233301, .1672482711);
  check(direction(recipes::wsam({.rho = .1, .gamma = .9})), 1.3755316464, .5793444859);
  check(direction(recipes::fisher_sam({.rho = .1, .eta = .2})), .4683893415, .1654349240);
  check(direction(recipes::gam({.rho = .2, .rho_grad = .02, .a = .5, .b = .5, .gamma = .03})),
        .4877878479, .1936431585);
  check(direction(recipes::disam({.rho = .1, .lambda = .1})), .4494870043, .2161653362);
  check(direction(recipes::pcgrad({.order = {.fixed = true}})), .3965088821, .0028447718);
  check(direction(recipes::mgda()), 0, 0, 1e-6);
  check(direction(recipes::mgda(), {0, 1}), -.333761467890, .205871559633);
  check(direction(recipes::cagrad({.c = .5})), .2024719539, .0073244683, 1e-8);
  check(direction(recipes::cagrad({.c = .5, .rescale = true})), .1619775632, .0058595747, 1e-8);
  check(direction(recipes::and_mask({.tau = 1})), 0, 0);
  check(direction(recipes::fish({.beta = .05, .order = {.fixed = true}})), .3693187500,
        .1275791667);
}

TEST_CASE("directions: DGSAM walks uphill from domain to domain", "[recipes][golden]") {
  // q_0 at w, x_j = x_{j-1} + rho q_{j-1} / |q_{j-1}|, d = mean of q_0 .. q_3; worked out here.
  Quadratics problem;
  const double rho = .1;
  auto x = problem.w.detach().clone();
  auto sum = torch::zeros({2}, at::kDouble);
  for (const std::size_t k : {0, 1, 2, 0}) {
    const auto q = problem.curvatures[k].mv(x - problem.minima[k]);
    sum += q / 4;
    x = x + rho * q / q.norm();
  }
  check(direction(recipes::dgsam({.rho = rho, .order = {.fixed = true}})), sum[0].item<double>(),
        sum[1].item<double>(), 1e-12);
}
