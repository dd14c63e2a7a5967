// SPDX-License-Identifier: MIT
// One SAM step in a user's project.
#include <ATen/Functions.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <cstdio>
#include <roga/roga.hpp>

double radius_of_second_unit();

int main() {
  auto weight = at::full({3}, 2.0).requires_grad_();
  auto optimizer =
      roga::wrap<torch::optim::SGD>(roga::recipes::sam({.rho = radius_of_second_unit()}),
                                    std::vector<at::Tensor>{weight}, torch::optim::SGDOptions(0.1));
  const at::Tensor loss = optimizer.step([&] {
    optimizer.zero_grad();
    auto value = weight.square().sum();
    value.backward();
    return value;
  });
  std::printf("loss %g, then %g\n", loss.item<double>(), weight.square().sum().item<double>());

  // By hand: the loss is 3 * 2^2; the ascent adds rho / sqrt(3) to each weight, so that the step
  // takes 0.2 (2 + rho / sqrt(3)) off.
  const double stepped = 1.6 - 0.2 * radius_of_second_unit() / std::sqrt(3.0);
  const bool right =
      loss.item<double>() == 12 && std::abs(weight[0].item<double>() - stepped) < 1e-6;
  return right ? 0 : 1;
}
