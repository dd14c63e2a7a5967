// SPDX-License-Identifier: MIT
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;

TEST_CASE("last_step: counts evaluations and tells whether an ascent ran", "[report]") {
  problems::Quadratics problem;
  auto evaluations = [&](auto recipe) {
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                   torch::optim::SGDOptions(0.0));
    optimizer.step(problem.closures());
    CHECK(optimizer.last_step().ascended() == (optimizer.last_step().evaluations() > 3));
    return optimizer.last_step().evaluations();
  };
  CHECK(evaluations(recipes::erm()) == 3);
  CHECK(evaluations(recipes::sam()) == 6);
  CHECK(evaluations(recipes::roga()) == 6);
  CHECK(evaluations(recipes::roga_pooled()) == 12);
}

TEST_CASE("last_step: norms, radii and cosines match the rows", "[report]") {
  problems::Quadratics problem;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga({.rho = .1, .alpha = 0}),
                                                 std::vector<at::Tensor>{problem.w},
                                                 torch::optim::SGDOptions(0.1));
  optimizer.diagnose(true);
  optimizer.step(problem.closures());
  const auto& report = optimizer.last_step();
  // g_0 = (-.8, -.55), g_1 = (.52, 1.59), g_2 = (1.35, -.7)
  CHECK(report.losses()[1] == Approx(.659));
  CHECK(report.ascent_norms()[0] == Approx(std::sqrt(.9425)));
  CHECK(report.radii() == std::vector<double>{.1, .1, .1});
  CHECK(report.domain_cosines()[0][1] == Approx(-1.2905 / std::sqrt(.9425 * 2.7985)));
  CHECK(report.direction_norm() == Approx(problem.w.grad().norm().item<double>()));
  REQUIRE(report.cosine().has_value());
  CHECK(*report.cosine() > .9);
}

TEST_CASE("last_step: radii are lengths, also against the momentum", "[report]") {
  auto w = problems::leaf({1});
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::msam({.rho = .5}), {w}, torch::optim::SGDOptions(.1));
  std::vector<double> seen;
  for (int step = 0; step < 2; ++step) {
    seen.clear();
    const double theta = w.item<double>();
    optimizer.step([&] {
      seen.push_back(w.item<double>() - theta);
      auto loss = w.square().sum();
      loss.backward();
      return loss;
    });
    CHECK(optimizer.last_step().radii().front() == .5);
  }
  CHECK(seen.front() == Approx(-.5));  // against the momentum
}
