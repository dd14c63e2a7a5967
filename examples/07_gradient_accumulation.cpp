// SPDX-License-Identifier: MIT
// A batch that does not fit: the closure loops over micro-batches.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(4, 16), torch::nn::Tanh(),
                              torch::nn::Linear(16, 1));
  const auto x = torch::randn({64, 4});
  const auto y = x.sum(1, /*keepdim=*/true).sin();
  constexpr int micro_batches = 8;

  auto optimizer = roga::wrap<torch::optim::Adam>(
      roga::recipes::sam({.rho = 0.05}), model->parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 100; ++step) {
    torch::Tensor loss = optimizer.step([&] {
      optimizer.zero_grad();
      auto total = torch::zeros({});
      for (int part = 0; part < micro_batches; ++part) {
        const auto xs = x.chunk(micro_batches)[part];
        const auto ys = y.chunk(micro_batches)[part];
        auto share = torch::mse_loss(model->forward(xs), ys) / micro_batches;
        share.backward();  // adds to .grad
        total += share.detach();
      }
      return total;
    });
    if (step % 25 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << "\n";
  }

  // The same gradient as the whole batch at once, up to rounding.
  auto gradient = [&](auto&& compute) {
    model->zero_grad();
    compute();
    return model->parameters()[0].grad().clone();
  };
  const auto whole = gradient([&] { torch::mse_loss(model->forward(x), y).backward(); });
  const auto parts = gradient([&] {
    for (int part = 0; part < micro_batches; ++part) {
      (torch::mse_loss(model->forward(x.chunk(micro_batches)[part]), y.chunk(micro_batches)[part]) /
       micro_batches)
          .backward();
    }
  });
  std::cout << "micro-batches equal the batch: " << std::boolalpha
            << parts.allclose(whole, 1e-4, 1e-6) << "\n";
}
