// SPDX-License-Identifier: MIT
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using naive::NaiveSam;
using naive::plain;
using naive::Sgd;
using naive::square_loss;
using naive::Weights;
using problems::leaf;
using problems::Network;
using problems::Parameters;
namespace recipes = roga::recipes;

TEST_CASE("reused_direction: is none where the ascent found nothing across", "[reused_direction]") {
  // On a linear loss q = g: LookSAM is the base optimizer.
  auto norms = [](auto how, at::ScalarType type) {
    torch::manual_seed(5);
    auto w = torch::randn({1000}, type).requires_grad_();
    const auto slope = torch::randn({1000}, type);
    const double length = slope.norm().item<double>();
    auto optimizer = roga::wrap<Sgd>(how, Parameters{w}, torch::optim::SGDOptions(0.1));
    double worst = 0;
    for (int step = 0; step < 6; ++step) {
      optimizer.step([&] {
        auto loss = w.dot(slope);
        loss.backward();
        return loss;
      });
      worst = std::fmax(worst, std::fabs(w.grad().norm().item<double>() / length - 1));
    }
    return worst;
  };
  for (const auto type : {at::kFloat, at::kDouble}) {
    CHECK(norms(recipes::looksam({.rho = .1, .k = 3}), type) < 1e-5);
    CHECK(norms(recipes::roga_periodic({.rho = .1, .k = 3}), type) < 1e-5);
  }
  // With radius 0 they are the base, bit for bit.
  auto with_radius_0 = [](auto how, at::ScalarType type) {
    Network robust(1, type);
    Network plain(1, type);
    auto optimizer = roga::wrap<Sgd>(how, robust.parameters(), torch::optim::SGDOptions(0.1));
    Sgd base(plain.parameters(), torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 6; ++step) {
      optimizer.step(robust.closure(0));
      base.step(plain.closure(0));
    }
    return problems::same_bits(robust.parameters(), plain.parameters());
  };
  for (const auto type : {at::kFloat, at::kDouble}) {
    CHECK(with_radius_0(recipes::looksam({.rho = 0, .k = 2}), type));
    CHECK(with_radius_0(recipes::roga_periodic({.rho = 0, .alpha = 0, .k = 2}), type));
  }
}

TEST_CASE("reused_direction: LookSAM saves passes and projects over all tensors together",
          "[reused_direction][defects][defect-8]") {
  auto w = leaf({1, 2});
  int calls = 0;
  auto counted = [&] {
    ++calls;
    return square_loss(w)();
  };
  auto base = plain({w}, 0.0);
  NaiveSam sam{{w}};
  for (int step = 0; step < 4; ++step) sam.step(base, counted);
  CHECK(calls == 8);

  calls = 0;
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.k = 4}), Weights{w}, torch::optim::SGDOptions(0.0));
  std::vector<int> per_step;
  for (int step = 0; step < 4; ++step) {
    const int before = calls;
    optimizer.step(counted);
    per_step.push_back(calls - before);
  }
  CHECK(per_step == std::vector<int>{2, 1, 1, 1});

  // The projection over two tensors together is the one over a single tensor of all entries.
  auto steps = [](const Weights& split) {
    auto look = roga::wrap<Sgd>(recipes::looksam({.rho = .3, .k = 2}), split,
                                torch::optim::SGDOptions(0.1));
    const auto curvature = torch::tensor({1., 5., .2}, at::kDouble);
    for (int step = 0; step < 4; ++step) {
      look.step([&] {
        auto loss = (torch::cat(split).square() * curvature).sum();
        loss.backward();
        return loss;
      });
    }
    return torch::cat(split).detach();
  };
  const auto whole = steps({leaf({1, 2, 3})});
  const auto split = steps({leaf({1}), leaf({2, 3})});
  CHECK((whole - split).abs().max().item<double>() < 1e-14);
}

TEST_CASE("reused_direction: LookSAM evaluates once where it reuses its direction",
          "[reused_direction][report]") {
  Network net(1);
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.k = 3}), net.parameters(), torch::optim::SGDOptions(0.1));
  std::vector<std::size_t> evaluations;
  for (int step = 0; step < 6; ++step) {
    optimizer.step(net.closure(0));
    evaluations.push_back(optimizer.last_step().evaluations());
    CHECK(optimizer.last_step().ascended() == (step % 3 == 0));
  }
  CHECK(evaluations == std::vector<std::size_t>{2, 1, 1, 2, 1, 1});
}
