// SPDX-License-Identifier: MIT
// VaSSO.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Parameters;
using problems::trained;
namespace recipes = roga::recipes;

TEST_CASE("variance_suppressed_ascent: points lie along the running mean of the gradients",
          "[variance_suppressed_ascent][golden]") {
  // L(w) = w' A w / 2 and another batch, A + B, in every second step; both moments worked out here.
  const auto a = torch::tensor({{2., .5}, {.5, 1.}}, at::kDouble);
  const auto b = torch::tensor({{1., -.3}, {-.3, 3.}}, at::kDouble);
  const double rho = .2;
  const double theta = .4;
  const double rate = .1;
  auto w = leaf({.7, -.4});
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::vasso({.rho = rho, .theta = theta}),
                                                 Parameters{w}, torch::optim::SGDOptions(rate));
  auto x = w.detach().clone();
  at::Tensor mean;
  for (int step = 0; step < 6; ++step) {
    const auto& h = step % 2 == 0 ? a : b;
    optimizer.step([&] {
      auto loss = .5 * w.dot(h.mv(w));
      optimizer.zero_grad();
      loss.backward();
      return loss;
    });
    const auto g = h.mv(x);
    mean = step == 0 ? g : (1 - theta) * mean + theta * g;
    x = x - rate * h.mv(x + rho * mean / mean.norm());
    CHECK(w.detach().allclose(x, 1e-12, 1e-12));
  }
}

TEST_CASE("variance_suppressed_ascent: SAM where the mean forgets",
          "[variance_suppressed_ascent]") {
  const auto sam = trained(recipes::sam({.rho = .2}));
  CHECK(problems::deviation(trained(recipes::vasso({.rho = .2, .theta = 1})), sam) < 1e-14);
  CHECK(problems::deviation(trained(recipes::vasso({.rho = .2, .theta = .3})), sam) > 1e-4);
  // With theta 0 the first gradient is followed for ever.
  auto w = leaf({1.});
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::vasso({.rho = 1, .theta = 0}),
                                                 Parameters{w}, torch::optim::SGDOptions(0.));
  for (const double slope : {1., -3., 0.}) {
    optimizer.step([&] {
      auto loss = (slope * w + .5 * w * w).sum();
      optimizer.zero_grad();
      loss.backward();
      return loss;
    });
    CHECK(w.grad().item<double>() == Approx(slope + 2));  // at w + 1
  }
}
