// SPDX-License-Identifier: MIT
// Group DRO's weights.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::check;
using problems::leaf;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

}  // namespace

TEST_CASE("worst_group: weights belong to the domains' positions", "[worst_group]") {
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), std::vector<at::Tensor>{problem.w},
                      torch::optim::SGDOptions(0.));
  auto closures = problem.closures();
  optimizer.step(closures);
  closures[2] = nullptr;  // away for a step: the other two share the direction
  optimizer.step(closures);
  const double a = std::exp(2 * .23);
  const double b = std::exp(2 * .659);
  check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()},
        (a * -.8 + b * .52) / (a + b), (a * -.55 + b * 1.59) / (a + b), 1e-12);
}

TEST_CASE("worst_group: bears losses whose exponential overflows", "[worst_group]") {
  auto w = torch::zeros({2}, at::kDouble).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), std::vector<at::Tensor>{w},
                                   torch::optim::SGDOptions(1.));
  std::vector<roga::LossClosure> closures;
  for (const int k : {0, 1}) {
    closures.emplace_back([&, k] {
      auto loss = 1e5 * (k + 1) + w[k];
      loss.backward();
      return loss;
    });
  }
  optimizer.step(closures);
  CHECK_FALSE(optimizer.last_step().skipped());
  check({w[0].item<double>(), w[1].item<double>()}, 0, -1, 1e-12);
}

TEST_CASE("worst_group: weights come back from underflow", "[worst_group]") {
  auto w = leaf({1});
  auto optimizer =
      roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), {w}, torch::optim::SGDOptions(0.0));
  auto domain = [&](double loss, double slope) -> roga::LossClosure {
    return [&w, loss, slope]() mutable {
      w.mutable_grad() = torch::full({1}, slope, at::kDouble);
      return torch::full({}, loss, at::kDouble);
    };
  };
  for (int step = 0; step < 3; ++step) optimizer.step({domain(0, 1), domain(800, 2)});
  CHECK(w.grad().item<double>() == 2);
  optimizer.step({domain(0, 1), {}});  // its weight had vanished beside the other's
  CHECK_FALSE(optimizer.last_step().skipped());
  CHECK(w.grad().item<double>() == 1);
  for (int step = 0; step < 3; ++step) optimizer.step({domain(800, 1), domain(0, 2)});
  CHECK(w.grad().item<double>() == Approx(1).epsilon(1e-9));
}

TEST_CASE("worst_group: domains may come in any order", "[worst_group]") {
  // The weights of one step over domains with losses 1, 2, 4 by their positions.
  const std::vector<double> losses{1, 2, 4};
  for (const auto& order : {std::vector<std::size_t>{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}}) {
    const roga::Memories memories;
    roga::detail::StepData data(0, 1, memories);
    data.domains = order;
    for (const auto k : order) data.losses.emplace_back(losses[k]);
    roga::Step step(data, roga::Role::alignment);
    const auto direction = roga::WorstGroup{.eta = 1}.direction(step);
    const double total = std::exp(1) + std::exp(2) + std::exp(4);
    REQUIRE(direction.terms().size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(direction.terms()[k].second.value() == Approx(std::exp(losses[order[k]]) / total));
      CHECK(step.numbers("group_dro", 3)[k] == Approx(std::exp(losses[k]) / total));
    }
  }
}
