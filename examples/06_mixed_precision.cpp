// SPDX-License-Identifier: MIT
// Half-precision passes over float32 weights: the loss is scaled, the weights are safe.
#include <torch/torch.h>

#include <iostream>
#include <limits>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  // On an accelerator use autocast; here the products are rounded to bfloat16 by hand.
  auto w1 = (torch::randn({4, 16}) / 2).set_requires_grad(true);
  auto w2 = (torch::randn({16, 1}) / 4).set_requires_grad(true);
  const auto x = torch::randn({64, 4}).to(torch::kBFloat16);
  const auto y = x.to(torch::kFloat).sum(1, /*keepdim=*/true).sin();
  auto forward = [&] {
    const auto hidden = torch::tanh(x.matmul(w1.to(torch::kBFloat16)));
    return hidden.matmul(w2.to(torch::kBFloat16)).to(torch::kFloat);
  };

  roga::LossScaler scaler({.scale = 65536, .growth_interval = 50});
  auto optimizer = roga::wrap<torch::optim::Adam>(roga::recipes::sam({.rho = 0.02}),
                                                  std::vector<torch::Tensor>{w1, w2},
                                                  torch::optim::AdamOptions(1e-2));
  optimizer.attach(scaler);
  int skipped = 0;
  for (int step = 0; step < 120; ++step) {
    torch::Tensor loss = optimizer.step([&] {
      auto value = torch::mse_loss(forward(), y);
      // An overflow in one pass of step 20, as half precision has them now and then.
      auto scaled = scaler.scale(value);
      if (step == 20) scaled = scaled * std::numeric_limits<float>::infinity();
      scaled.backward();
      return value;
    });
    if (optimizer.last_step().skipped()) ++skipped;
    if (step % 40 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << "\n";
  }
  std::cout << "skipped " << skipped << ", scale " << scaler.factor() << "\n";
}
