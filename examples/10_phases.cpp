// SPDX-License-Identifier: MIT
// A training loop that cannot be a closure: it makes the passes itself.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::Linear model(4, 1);
  auto criterion = torch::nn::MSELoss();
  const auto x = torch::randn({64, 4});
  const auto y = x.sum(1, /*keepdim=*/true);

  auto optimizer = roga::wrap<torch::optim::Adam>(
      roga::recipes::sam({.rho = 0.05}), model->parameters(), torch::optim::AdamOptions(1e-2));
  for (int i = 0; i < 300; ++i) {
    auto step = optimizer.phases();
    auto loss = criterion(model->forward(x), y);
    loss.backward();
    while (step.ascend(loss)) {  // the weights are at an ascent point now
      criterion(model->forward(x), y).backward();
    }
    step.descend();  // back at theta, and one step of the base
    if (i % 100 == 99) std::cout << "step " << i + 1 << " loss " << loss.item<float>() << "\n";
  }
  std::cout << "passes per step: " << optimizer.last_step().evaluations() << "\n";

  // The same with several domains: a pass is over one of them, and the step says which.
  auto robust = roga::wrap<torch::optim::Adam>(
      roga::recipes::roga({.rho = 0.05}), model->parameters(), torch::optim::AdamOptions(1e-2));
  struct Batch {
    torch::Tensor x, y;
  };
  const std::vector<Batch> minibatch{{x, y}, {x + 1, y + 4}};
  auto step = robust.phases({0, 1});
  torch::Tensor loss;
  do {
    const auto& batch = minibatch[step.domain()];
    loss = criterion(model->forward(batch.x), batch.y);
    loss.backward();
  } while (step.ascend(loss));
  std::cout << "loss over two domains " << step.descend().item<float>() << "\n";
}
