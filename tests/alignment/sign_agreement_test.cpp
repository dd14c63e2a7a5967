// SPDX-License-Identifier: MIT
// AND-mask and SAND-mask.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::constant;
using problems::direction;
using problems::leaf;
namespace recipes = roga::recipes;

TEST_CASE("sign_agreement: SAND-mask weighs agreement against variance",
          "[sign_agreement][golden]") {
  // Coordinate 0: signs agree, mean 2, variance 1; coordinate 1: they do not.
  const std::vector<at::Tensor> rows{torch::tensor({1., 1.}, at::kDouble),
                                     torch::tensor({2., -1.}, at::kDouble),
                                     torch::tensor({3., 1.}, at::kDouble)};
  const auto d = roga::SmoothSignAgreement{.tau = .5, .k = 2}.combine(rows);
  CHECK(d[0].item<double>() == Approx(2 * std::tanh(1.0)));
  CHECK(d[1].item<double>() == 0);
}

TEST_CASE("sign_agreement: half precision keeps small masks", "[sign_agreement]") {
  auto w = leaf({.02}, at::kHalf);
  // Three of four signs agree: the margin is exactly 0, and so is the mask.
  std::vector<roga::LossClosure> closures;
  for (const double sign : {1., 1., 1., -1.}) closures.push_back(constant(w, {sign * 1e-4}));
  CHECK(direction(recipes::sand_mask({.tau = .5}), w, closures).item<double>() == 0);
  CHECK(direction(recipes::and_mask({.tau = .5}), w, closures).item<double>() ==
        Approx(5e-5).epsilon(1e-2));
}
