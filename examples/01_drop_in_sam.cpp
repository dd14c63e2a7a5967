// SPDX-License-Identifier: MIT
// An existing training loop turned into SAM: the optimizer line changes, the body becomes a
// closure.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(4, 16), torch::nn::ReLU(),
                              torch::nn::Linear(16, 1));
  const auto x = torch::randn({64, 4});
  const auto y = x.sum(1, /*keepdim=*/true).sin();

  auto optimizer =
      roga::wrap<torch::optim::SGD>(roga::recipes::sam({.rho = 0.05}), model->parameters(),
                                    torch::optim::SGDOptions(0.1).momentum(0.9));
  for (int step = 0; step < 100; ++step) {
    torch::Tensor loss = optimizer.step([&] {
      optimizer.zero_grad();
      auto value = torch::mse_loss(model->forward(x), y);
      value.backward();
      return value;
    });
    if (step % 25 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << "\n";
  }
  std::cout << "evaluations per step: " << optimizer.last_step().evaluations() << "\n";
}
