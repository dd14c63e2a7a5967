// SPDX-License-Identifier: MIT
// Directions and weights after a few steps of a recipe on the shared problems.
#pragma once

#include "support/problems.hpp"
#include "support/test.hpp"

namespace problems {

/// A closure whose gradient is `values` wherever w is.
inline roga::LossClosure constant(const at::Tensor& w, const std::vector<double>& values) {
  return [w, values]() mutable {
    w.mutable_grad() = torch::tensor(values, at::kDouble).to(w.scalar_type());
    return torch::ones({}, at::kFloat);
  };
}

/// The direction of one step.
template <class Recipe>
at::Tensor direction(Recipe how, const at::Tensor& w, std::vector<roga::LossClosure> closures) {
  auto optimizer = roga::wrap<torch::optim::SGD>(how, Parameters{w}, torch::optim::SGDOptions(0.0));
  optimizer.step(std::move(closures));
  CHECK_FALSE(optimizer.last_step().skipped());
  return w.grad().to(at::kDouble);
}

/// The direction of the first step on the three quadratics.
template <class Recipe>
std::vector<double> direction(Recipe how, const std::vector<std::size_t>& domains = {0, 1, 2}) {
  Quadratics problem;
  auto optimizer =
      roga::wrap<torch::optim::SGD>(how, Parameters{problem.w}, torch::optim::SGDOptions(0.1));
  optimizer.step(problem.closures(domains));
  const auto d = problem.w.grad();
  return {d[0].item<double>(), d[1].item<double>()};
}

/// Compares a direction with (x, y).
inline void check(const std::vector<double>& actual, double x, double y, double margin = 1e-9) {
  CHECK(actual[0] == Approx(x).epsilon(0).margin(margin));
  CHECK(actual[1] == Approx(y).epsilon(0).margin(margin));
}

/// Weights after a few steps on a network of three domains, which come in the given order.
template <class Recipe>
Parameters trained(Recipe how, const std::vector<std::size_t>& order = {0, 1, 2}, int steps = 5) {
  Network net(3);
  auto optimizer =
      roga::wrap<torch::optim::SGD>(how, net.parameters(), torch::optim::SGDOptions(0.1));
  std::vector<roga::LossClosure> closures;
  for (const auto k : order) closures.push_back(net.closure(k));
  for (int step = 0; step < steps; ++step) optimizer.step(closures);
  return copy(net.parameters());
}

}  // namespace problems
