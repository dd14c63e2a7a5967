// SPDX-License-Identifier: MIT
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::trained;
namespace recipes = roga::recipes;

TEST_CASE("step: permuting the domains changes rounding only", "[order][invariant]") {
  auto run = [](auto recipe, const std::vector<std::size_t>& order) {
    problems::Quadratics problem;
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                   torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 5; ++step) optimizer.step(problem.closures(order));
    return std::vector<at::Tensor>{problem.w.detach()};
  };
  auto invariant = [&](auto recipe) {
    const auto expected = run(recipe, {0, 1, 2});
    return problems::deviation(run(recipe, {2, 0, 1}), expected) < 1e-13 &&
           problems::deviation(run(recipe, {1, 0, 2}), expected) < 1e-13;
  };
  CHECK(invariant(recipes::erm()));
  CHECK(invariant(recipes::sam()));
  CHECK(invariant(recipes::asam()));
  CHECK(invariant(recipes::sagm()));
  CHECK(invariant(recipes::gac_fas()));
  CHECK(invariant(recipes::roga()));
  CHECK(invariant(recipes::roga_pooled()));
}

TEST_CASE("order: a random one comes from the seed and the step", "[order]") {
  CHECK(problems::same_bits(trained(recipes::dgsam()), trained(recipes::dgsam())));
  CHECK_FALSE(problems::same_bits(trained(recipes::dgsam({.rho = .3, .order = {.seed = 1}})),
                                  trained(recipes::dgsam({.rho = .3, .order = {.seed = 2}}))));
  CHECK_FALSE(problems::same_bits(trained(recipes::fish({.order = {.seed = 1}})),
                                  trained(recipes::fish({.order = {.fixed = true}}))));
}
