// SPDX-License-Identifier: MIT
// Is the minimum flat, and do the domains agree? ERM and RoGA on two conflicting domains.
#include <torch/torch.h>

#include <iomanip>
#include <iostream>
#include <roga/diagnostics/conflict.hpp>
#include <roga/diagnostics/hessian.hpp>
#include <roga/diagnostics/landscape.hpp>
#include <roga/diagnostics/sharpness.hpp>
#include <roga/roga.hpp>

template <class Recipe>
void study(const char* name, const Recipe& recipe) {
  torch::manual_seed(1);
  torch::nn::Sequential net(torch::nn::Linear(8, 16), torch::nn::Tanh(), torch::nn::Linear(16, 1));
  const auto x = torch::randn({64, 8});
  std::vector<roga::diagnostics::Loss> losses;
  std::vector<roga::LossClosure> closures;
  for (const double sign : {1.0, -1.0}) {  // one cue has the opposite sign in the other domain
    const auto y = (x.select(1, 0) + 0.8 * sign * x.select(1, 1)).unsqueeze(1);
    losses.emplace_back([&net, x, y] { return torch::mse_loss(net->forward(x), y); });
    closures.emplace_back([loss = losses.back()] {
      auto value = loss();
      value.backward();
      return value;
    });
  }
  const auto parameters = net->parameters();
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipe, parameters, torch::optim::SGDOptions(0.05));
  for (int step = 0; step < 400; ++step) optimizer.step(closures);

  const auto sharpness = roga::diagnostics::sharpness(losses, parameters, 0.1);
  const auto conflict = roga::diagnostics::conflict(losses, parameters);
  const auto spectrum = roga::diagnostics::hessian_spectrum(losses[0], parameters, 20);
  std::cout << std::fixed << std::setprecision(3) << name << ": sharpness per domain "
            << sharpness.of_domain[0] << " " << sharpness.of_domain[1] << ", pooled "
            << sharpness.pooled << "; cosine of the gradients " << conflict.cosines[0][1]
            << "; largest eigenvalue " << spectrum.largest() << "\n";

  // A slice through the minimum, drawn with bars.
  const auto direction = roga::diagnostics::filter_normalised_direction(parameters, 1);
  const std::vector<double> at{-1, -0.5, 0, 0.5, 1};
  const auto slice = roga::diagnostics::landscape(losses[0], parameters, direction, at);
  for (std::size_t i = 0; i < at.size(); ++i) {
    std::cout << std::setw(8) << at[i] << " "
              << std::string(static_cast<std::size_t>(20 * slice[i][0]), '#') << "\n";
  }
}

int main() {
  at::set_num_threads(1);
  study("erm", roga::recipes::erm());
  study("roga", roga::recipes::roga({.rho = 0.1}));
}
