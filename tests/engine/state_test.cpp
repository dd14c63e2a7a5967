// SPDX-License-Identifier: MIT
// What lives from step to step.
#include <sstream>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using torch::optim::SGD;
using torch::optim::SGDOptions;

namespace {

/// Two parameters of one shape whose gradients differ.
struct Pair {
  at::Tensor a = problems::leaf({1., -2.});
  at::Tensor b = problems::leaf({.5, 3.});

  roga::LossClosure closure() const {
    return [*this] {
      auto loss = (a * a * torch::tensor({3., 1.}, at::kDouble)).sum() + (b - 1).pow(4).sum() +
                  (a * b).sum();
      loss.backward();
      return loss;
    };
  }
  problems::Parameters values() const { return problems::copy({a, b}); }
};

template <class Optimizer>
void swap_parameters(Optimizer& optimizer) {
  auto& parameters = optimizer.param_groups()[0].params();
  std::swap(parameters[0], parameters[1]);
}

}  // namespace

TEST_CASE("state: remembered rows belong to parameters, wherever these are listed", "[state]") {
  auto check = [](const auto& recipe) {
    const Pair pair;
    const Pair twin;
    auto optimizer = roga::wrap<SGD>(recipe, {twin.a, twin.b}, SGDOptions(.01));
    auto plain = roga::wrap<SGD>(recipe, {pair.a, pair.b}, SGDOptions(.01));
    for (int step = 0; step < 2; ++step) {
      plain.step(pair.closure());
      optimizer.step(twin.closure());
    }
    swap_parameters(optimizer);
    optimizer.step(twin.closure());
    std::stringstream file;
    torch::save(optimizer, file);
    auto resumed = roga::wrap<SGD>(recipe, {twin.b, twin.a}, SGDOptions(.01));
    torch::load(resumed, file);
    for (int step = 0; step < 2; ++step) plain.step(pair.closure());
    resumed.step(twin.closure());
    CHECK(problems::deviation(twin.values(), pair.values()) < 1e-13);
  };
  check(recipes::msam({.rho = .3}));
  check(recipes::looksam({.rho = .3, .k = 8}));
}

TEST_CASE("state: a parameter that goes takes its rows with it, a new one has none", "[state]") {
  const Pair pair;
  auto optimizer = roga::wrap<SGD>(recipes::fsam({.rho = .3}), {pair.a, pair.b}, SGDOptions(.01));
  optimizer.step(pair.closure());
  auto& parameters = optimizer.param_groups()[0].params();
  parameters.erase(parameters.begin());
  const auto late = problems::leaf({2., 2.});
  parameters.push_back(late);
  // The rows of `b`, alone: the twin never had another parameter.
  const Pair twin;
  {
    const c10::NoGradGuard no_grad;
    twin.a.copy_(pair.a);
    twin.b.copy_(pair.b);
  }
  const auto with_late = [&](const Pair& p) -> roga::LossClosure {
    return [&p, &late] {
      auto loss = (p.b - 1).pow(4).sum() + 0 * late.sum();
      loss.backward();
      return loss;
    };
  };
  optimizer.step(with_late(pair));
  CHECK_FALSE(optimizer.last_step().skipped());
  CHECK(problems::same_bits(problems::copy({pair.a}), problems::copy({twin.a})));
  CHECK_FALSE(problems::same_bits(problems::copy({pair.b}), problems::copy({twin.b})));
}
