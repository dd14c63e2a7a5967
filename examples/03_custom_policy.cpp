// SPDX-License-Identifier: MIT
// A method of one's own: no base class, no registration.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>
#include <roga/testing.hpp>
#include <span>
#include <tuple>
#include <vector>

/// d = g + beta (q - g) where the captured gradient q agrees with the ERM gradient g, else d = g.
struct AgreeingStep {
  static constexpr roga::Reads reads = roga::Reads::erm | roga::Reads::captured_mean;

  double beta = 0.5;

  roga::Combination direction(roga::Step& step) const {
    const bool agree = step.dot(roga::erm, roga::captured_mean).value() > 0;
    if (!agree) return roga::erm;
    return (1 - beta) * roga::erm + beta * roga::captured_mean;
  }
};
static_assert(roga::AlignmentPolicy<AgreeingStep>);

/// In each coordinate the median of the domains' gradients.
struct Median {
  static constexpr roga::Reads reads = roga::Reads::domains;

  at::Tensor combine(std::span<const at::Tensor> rows) const {
    return std::get<0>(at::stack(at::TensorList(rows.data(), rows.size())).median(0));
  }
};
static_assert(roga::AlignmentPolicy<Median>);

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  auto w = torch::randn({8}, torch::requires_grad());
  const auto recipe =
      roga::recipe(roga::DomainAscent{.rho = 0.05}, roga::OwnDomain{}, AgreeingStep{.beta = 0.7});
  auto optimizer = roga::wrap<torch::optim::Adam>(recipe, std::vector<torch::Tensor>{w},
                                                  torch::optim::AdamOptions(1e-2));
  std::vector<roga::LossClosure> closures;
  for (const double centre : {-0.2, 0.1, 0.4}) {
    closures.emplace_back([=] {
      auto loss = (w - centre).square().sum();
      loss.backward();
      return loss;
    });
  }
  for (int step = 0; step < 300; ++step) optimizer.step(closures);
  std::cout << "mean weight " << w.mean().item<float>() << ", best is 0.1\n";

  for (const auto& rule : roga::testing::violations(recipe)) {
    std::cout << "broken: " << rule << "\n";
  }

  auto by_median =
      roga::wrap<torch::optim::SGD>(roga::recipe(roga::NoPerturbation{}, roga::Pooled{}, Median{}),
                                    std::vector<torch::Tensor>{w}, torch::optim::SGDOptions(1e-2));
  by_median.step(closures);
  std::cout << "by the median: " << by_median.last_step() << "\n";
}
