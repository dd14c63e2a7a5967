// SPDX-License-Identifier: MIT
// The recipes against numbers worked out by hand, and the identities between them.
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

/// The direction of the first step on the three quadratics.
template <class Recipe>
std::vector<double> direction(Recipe recipe, const std::vector<std::size_t>& domains = {0, 1, 2}) {
  Quadratics problem;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                 torch::optim::SGDOptions(0.1));
  optimizer.step(problem.closures(domains));
  const auto d = problem.w.grad();
  return {d[0].item<double>(), d[1].item<double>()};
}
void check(const std::vector<double>& actual, double x, double y) {
  CHECK(actual[0] == Approx(x).epsilon(0).margin(1e-9));
  CHECK(actual[1] == Approx(y).epsilon(0).margin(1e-9));
}

/// Largest deviation between two recipes over a few steps on a network with three domains.
template <class First, class Second>
double between(First first, Second second, std::int64_t domains = 3, double scale = 1) {
  Network a(domains);
  Network b(domains);
  auto one = roga::wrap<torch::optim::SGD>(first, a.parameters(), torch::optim::SGDOptions(0.1));
  auto other =
      roga::wrap<torch::optim::SGD>(second, b.parameters(), torch::optim::SGDOptions(0.1 * scale));
  for (int step = 0; step < 4; ++step) {
    one.step(a.closures());
    other.step(b.closures());
  }
  return problems::deviation(a.parameters(), b.parameters());
}

}  // namespace

TEST_CASE("recipes: one step on three quadratics gives the golden direction", "[recipes][golden]") {
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

TEST_CASE("recipes: identities between methods hold", "[recipes][paper]") {
  SECTION("SAGM without alpha is the mean of ERM and SAM") {
    const auto erm = direction(recipes::erm());
    const auto sam = direction(recipes::sam({.rho = .3}));
    check(direction(recipes::sagm({.rho = .3, .alpha = 0})), (erm[0] + sam[0]) / 2,
          (erm[1] + sam[1]) / 2);
  }
  SECTION("GAC-FAS without radius and alpha is twice ERM") {
    CHECK(between(recipes::gac_fas({.rho = 0, .alpha = 0}), recipes::erm(), 3, 2) < 1e-14);
  }
  SECTION("with one domain GAC-FAS is twice SAGM") {
    CHECK(between(recipes::gac_fas({.rho = .2, .alpha = .1}),
                  recipes::sagm({.rho = .2, .alpha = .1}), 1, 2) < 1e-14);
  }
  SECTION("own capture of one domain without ERM part is SAM") {
    CHECK(between(recipes::roga({.rho = .2, .alpha = 0, .w_erm = 0, .w_gen = 1}),
                  recipes::sam({.rho = .2}), 1) < 1e-14);
  }
  SECTION("with one domain own and pooled capture agree") {
    CHECK(between(recipes::roga({.rho = .2}), recipes::roga_pooled({.rho = .2}), 1) == 0);
  }
  SECTION("a distant radius makes a difference, so these comparisons can fail") {
    CHECK(between(recipes::sam({.rho = .2}), recipes::erm()) > 1e-3);
    CHECK(between(recipes::roga({.rho = .2}), recipes::roga_pooled({.rho = .2})) > 1e-5);
  }
}

TEST_CASE("recipes: own capture leaves the falsely flat well, pooled capture never does",
          "[recipes][paper]") {
  // Conflict wells: L = b (x^2 - 1)^2 + y^2 / 2 +- c y sigmoid(-kappa x), from the left well.
  auto final_x = [](auto recipe) {
    auto w = torch::tensor({-1., .3}, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(.02));
    std::vector<roga::LossClosure> closures;
    for (const double sign : {1., -1.}) {
      // Gradients written out: 20,000 steps through autograd would take minutes.
      closures.emplace_back([w, sign]() mutable {
        const auto* p = w.data_ptr<double>();
        const double s = 1 / (1 + std::exp(2 * p[0]));
        w.mutable_grad() = torch::tensor(
            {.2 * p[0] * (p[0] * p[0] - 1) - sign * 4 * p[1] * s * (1 - s), p[1] + sign * 2 * s},
            at::kDouble);
        return torch::zeros({}, at::kDouble);
      });
    }
    for (int step = 0; step < 20000; ++step) optimizer.step(closures);
    return w[0].item<double>();
  };
  // Thresholds by first order: 0.1125 for own capture alone, 0.2251 beside the ERM gradient.
  CHECK(final_x(recipes::roga({.rho = .10, .alpha = 1e-3, .w_erm = 0, .w_gen = 1})) ==
        Approx(-.82).margin(.02));
  CHECK(final_x(recipes::roga({.rho = .12, .alpha = 1e-3, .w_erm = 0, .w_gen = 1})) ==
        Approx(1.07).margin(.02));
  CHECK(final_x(recipes::roga({.rho = .20, .alpha = 1e-3, .w_erm = 1, .w_gen = 1})) < 0);
  CHECK(final_x(recipes::roga({.rho = .25, .alpha = 1e-3, .w_erm = 1, .w_gen = 1})) > 1);
  CHECK(final_x(recipes::gac_fas({.rho = .40, .alpha = 1e-3})) == Approx(-1).margin(.02));
  CHECK(final_x(recipes::sam({.rho = .40})) == Approx(-1).margin(.02));
}
