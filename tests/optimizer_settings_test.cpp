// SPDX-License-Identifier: MIT
// What a user sets on an optimizer besides its recipe.
#include "support/directions.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::check;
using problems::leaf;
using problems::Network;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

}  // namespace

TEST_CASE("warm_up: follows ERM, and the recipe afterwards", "[optimizer]") {
  Network warm(3);
  auto optimizer =
      roga::wrap<Sgd>(recipes::roga({.rho = .3}), warm.parameters(), torch::optim::SGDOptions(0.1));
  optimizer.warm_up(5);
  for (int step = 0; step < 5; ++step) optimizer.step(warm.closures());
  CHECK(optimizer.last_step().evaluations() == 3);
  CHECK(problems::same_bits(problems::trained(recipes::erm()), warm.parameters()));
  optimizer.step(warm.closures());
  CHECK(optimizer.last_step().evaluations() == 6);
}

TEST_CASE("clip_norm: shortens the direction", "[optimizer]") {
  Quadratics problem;
  auto optimizer = roga::wrap<Sgd>(recipes::erm(), std::vector<at::Tensor>{problem.w},
                                   torch::optim::SGDOptions(0.1));
  optimizer.clip_norm(.1);
  optimizer.step(problem.closures());
  const double norm = .3742399705;
  check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()},
        .3566666667 * .1 / norm, .1133333333 * .1 / norm);
  CHECK_THROWS_AS(optimizer.clip_norm(0), c10::Error);
}

TEST_CASE("clip_norm: leaves a direction alone whose norm is too small for its type",
          "[optimizer]") {
  auto w = torch::zeros({2}).requires_grad_();
  auto optimizer =
      roga::wrap<Sgd>(recipes::erm(), std::vector<at::Tensor>{w}, torch::optim::SGDOptions(1));
  optimizer.clip_norm(1);
  optimizer.step([&] {
    w.mutable_grad() = torch::full({2}, 1e-25F);
    return torch::zeros({});
  });
  CHECK(optimizer.last_step().direction_norm() == 0);
  CHECK(w[0].item<float>() == Approx(-1e-25).epsilon(1e-5).margin(0));
}

TEST_CASE("clip_norm: leaves alone what is remembered", "[optimizer]") {
  // b has its first gradient in the second step: what is remembered of it is that gradient.
  auto a = torch::ones({1}, at::kDouble).requires_grad_();
  auto b = torch::ones({1}, at::kDouble).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::msam({.rho = .5, .mu = .5}),
                                   std::vector<at::Tensor>{a, b}, torch::optim::SGDOptions(0));
  optimizer.clip_norm(1);
  double at_a = 0, at_b = 0;
  for (int step = 0; step < 3; ++step) {
    optimizer.step([&] {
      at_a = a.item<double>();
      at_b = b.item<double>();
      auto loss = 3 * a.sum() + (step > 0 ? 4 * b.sum() : torch::zeros({}, at::kDouble));
      loss.backward();
      return loss;
    });
  }
  const double v_a = .5 * 3 + 3, v_b = 4;
  CHECK(at_a == Approx(1 - .5 * v_a / std::hypot(v_a, v_b)));
  CHECK(at_b == Approx(1 - .5 * v_b / std::hypot(v_a, v_b)));
}

TEST_CASE("ascend_only: refuses a subset of another model", "[optimizer]") {
  auto a = torch::ones({2}).requires_grad_();
  auto optimizer =
      roga::wrap<Sgd>(recipes::sam(), std::vector<at::Tensor>{a}, torch::optim::SGDOptions(0.0));
  CHECK_THROWS_WITH(optimizer.ascend_only({torch::ones({2}), torch::ones({3})}),
                    ContainsSubstring("got 2 tensors, none of which is a parameter"));
}

TEST_CASE("ascend_only: moves and measures the subset", "[optimizer]") {
  auto a = torch::tensor({1., 2.}, at::kDouble).requires_grad_();
  auto b = torch::tensor({3.}, at::kDouble).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), std::vector<at::Tensor>{a, b},
                                   torch::optim::SGDOptions(0.0));
  optimizer.ascend_only({b});
  std::vector<at::Tensor> seen;
  optimizer.step([&] {
    seen = {a.detach().clone(), b.detach().clone()};
    auto loss = a.square().sum() + b.square().sum();
    loss.backward();
    return loss;
  });
  CHECK(problems::same_bits(seen[0], torch::tensor({1., 2.}, at::kDouble)));
  CHECK(seen[1].item<double>() == Approx(3.5));
}

TEST_CASE("ascend_only: may leave the other parameters out of the graph at theta", "[optimizer]") {
  auto trained = [](roga::Bystanders bystanders, std::vector<bool>& in_graph) {
    auto a = torch::tensor({1., 2.}, at::kDouble).requires_grad_();
    auto b = torch::tensor({3.}, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), std::vector<at::Tensor>{a, b},
                                     torch::optim::SGDOptions(0.1));
    optimizer.ascend_only({b}, bystanders);
    auto closure = [&] {
      in_graph.push_back(a.requires_grad());
      auto loss = (a.square().sum() * b.square()).sum();
      loss.backward();
      return loss;
    };
    optimizer.step(closure);
    CHECK_THROWS_AS(optimizer.step([&]() -> at::Tensor { throw std::runtime_error("no"); }),
                    std::runtime_error);
    CHECK(a.requires_grad());
    optimizer.step(closure);
    return torch::cat({a.detach(), b.detach()});
  };
  std::vector<bool> plain, frozen;
  CHECK(problems::same_bits(trained(roga::Bystanders::in_graph, plain),
                            trained(roga::Bystanders::out_of_graph, frozen)));
  CHECK(plain == std::vector<bool>{true, true, true, true});
  CHECK(frozen == std::vector<bool>{false, true, false, true});
}

TEST_CASE("group_radius: is a factor of the global radius", "[optimizer]") {
  auto a = torch::tensor({3.}, at::kDouble).requires_grad_();
  auto b = torch::tensor({4.}, at::kDouble).requires_grad_();
  std::vector<torch::optim::OptimizerParamGroup> groups{{{a}}, {{b}}};
  auto optimizer =
      roga::wrap<Sgd>(recipes::sam({.rho = .5}), groups, torch::optim::SGDOptions(0.0));
  optimizer.group_radius(1, 2.0);
  std::vector<double> seen;
  optimizer.step([&] {
    seen = {a.item<double>(), b.item<double>()};
    auto loss = (a.square().sum() + b.square().sum()) / 2;
    loss.backward();
    return loss;
  });
  CHECK(seen[0] == Approx(3 + .5 * 3 / 5));
  CHECK(seen[1] == Approx(4 + 1. * 4 / 5));
}

TEST_CASE("schedule_radius: goes by step and learning rate", "[optimizer]") {
  namespace schedules = roga::schedules;
  CHECK(schedules::linear(0, 1, 4)({.step = 3}) == .75);
  CHECK(schedules::linear(0, 1, 4)({.step = 9}) == 1);
  CHECK(schedules::cosine(1, 0, 4)({.step = 2}) == Approx(.5));
  CHECK(schedules::proportional(.1, .5, 0, 1)({.learning_rate = .5}) == Approx(.3));
  Network net(1);
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
  optimizer.schedule_radius(schedules::linear(.1, .3, 2));
  std::vector<double> radii;
  for (int step = 0; step < 3; ++step) {
    optimizer.step(net.closure(0));
    radii.push_back(optimizer.last_step().radii()[0]);
  }
  CHECK(radii[1] == Approx(.2));
  CHECK(radii[2] == Approx(.3));
}

TEST_CASE("warm_up: a step uses its own gradient, not the previous one",
          "[optimizer][defects][defect-18]") {
  auto run = [](int mode) {
    auto w = leaf({1, 2});
    auto base = naive::plain({w}, 0.1);
    auto optimizer = naive::robust({w}, 0.1);
    optimizer.warm_up(5);
    at::Tensor cached = torch::zeros({2}, at::kDouble);
    for (int step = 0; step < 5; ++step) {
      if (mode == 2) {
        optimizer.step(naive::square_loss(w));
        continue;
      }
      w.mutable_grad() = at::Tensor();
      naive::square_loss(w)();
      if (mode == 1) std::swap(cached, w.mutable_grad());
      base.step();
    }
    return w.detach().clone();
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}
