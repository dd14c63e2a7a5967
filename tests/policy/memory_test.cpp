// SPDX-License-Identifier: MIT
// How recipes use what they remember.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::check;
using problems::leaf;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// Directions of a first step along a given gradient and of further ones on the quadratics, with
/// the weights held in place: how a recipe uses what it remembers.
template <class Recipe>
std::vector<std::vector<double>> directions_after(Recipe recipe, double x, double y, int steps) {
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(0.0));
  const auto slope = torch::tensor({x, y}, at::kDouble);
  optimizer.step([&] {
    auto loss = problem.w.dot(slope);
    loss.backward();
    return loss;
  });
  std::vector<std::vector<double>> directions;
  for (int step = 0; step < steps; ++step) {
    optimizer.step(problem.closures());
    directions.push_back({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()});
  }
  return directions;
}
/// grad L at w + rho u(v), L the mean of the quadratics.
std::vector<double> uphill(double rho, double x, double y) {
  const Quadratics problem;
  const auto v = torch::tensor({x, y}, at::kDouble);
  const auto at_point = problem.w.detach() + rho * v / v.norm();
  auto sum = torch::zeros({2}, at::kDouble);
  for (std::size_t k = 0; k < 3; ++k) {
    sum += problem.curvatures[k].mv(at_point - problem.minima[k]) / 3;
  }
  return {sum[0].item<double>(), sum[1].item<double>()};
}

}  // namespace

TEST_CASE("memory: what a recipe remembers gives the golden direction", "[memory][golden]") {
  // F-SAM with m = (.2, .1); afterwards m' = .9 m + .1 g = (.2156666667, .1013333333).
  const auto friendly = directions_after(recipes::fsam({.rho = .1, .lambda = .9}), .2, .1, 2);
  check(friendly[0], .4734784330, .1326959613);
  const auto second = uphill(.1, .3566666667 - .2156666667, .1133333333 - .1013333333);
  check(friendly[1], second[0], second[1], 1e-8);
  // MSAM with v = (.3, -.2), minus sign.
  check(directions_after(recipes::msam({.rho = .1}), .3, -.2, 1)[0], .2632921336, .1909913608);
  // LookSAM's reuse step after an ascent step at the same weights.
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.rho = .1, .k = 2, .alpha = .7}),
                      std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(0.0));
  for (int step = 0; step < 2; ++step) optimizer.step(problem.closures());
  check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()}, .2773333333,
        .3630000000);
}

TEST_CASE("memory: F-SAM averages raw gradients, not what it has subtracted from",
          "[memory][defects][defect-17]") {
  // m <- lambda m + (1 - lambda) g with the raw g; the port feeds g - sigma m back instead.
  auto by_hand = [](bool raw) {
    auto w = leaf({1, 2});
    at::Tensor m;
    for (int step = 0; step < 20; ++step) {
      const auto curvature = torch::tensor({1., 4.}, at::kDouble);
      const auto g = curvature * w.detach() + .1 * step;
      const auto v = m.defined() ? g - m : g;
      m = m.defined() ? .9 * m + .1 * (raw ? g : v) : g;
      const auto q = curvature * (w.detach() + .1 * v / v.norm()) + .1 * step;
      const torch::NoGradGuard no_grad;
      w.sub_(.05 * q);
    }
    return w.detach();
  };
  CHECK((by_hand(true) - by_hand(false)).abs().max().item<double>() > 1e-3);

  auto w = leaf({1, 2});
  auto optimizer = roga::wrap<Sgd>(recipes::fsam({.rho = .1, .lambda = .9}),
                                   problems::Parameters{w}, torch::optim::SGDOptions(0.05));
  for (int step = 0; step < 20; ++step) {
    optimizer.step([&] {
      w.mutable_grad() = torch::tensor({1., 4.}, at::kDouble) * w.detach() + .1 * step;
      return torch::zeros({}, at::kDouble);
    });
  }
  CHECK((w.detach() - by_hand(true)).abs().max().item<double>() < 1e-12);
}
