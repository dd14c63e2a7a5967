// SPDX-License-Identifier: MIT
// Gradients that are views of one flat tensor, which the closure reduces over several processes.
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

  std::int64_t entries = 0;
  for (const auto& parameter : model->parameters()) entries += parameter.numel();
  const auto bucket = torch::zeros({entries});
  std::int64_t begin = 0;
  for (auto& parameter : model->parameters()) {
    parameter.mutable_grad() = bucket.narrow(0, begin, parameter.numel()).view_as(parameter);
    begin += parameter.numel();
  }
  // Stands for a process group's allreduce over two processes with the same data.
  auto all_reduce = [](const torch::Tensor& sum) { sum.add_(sum.clone()).div_(2); };

  auto optimizer = roga::wrap<torch::optim::Adam>(
      roga::recipes::sam({.rho = 0.05}), model->parameters(), torch::optim::AdamOptions(1e-2));
  for (int step = 0; step < 100; ++step) {
    torch::Tensor loss = optimizer.step([&] {
      bucket.zero_();  // the gradients are views of it
      auto value = torch::mse_loss(model->forward(x), y);
      value.backward();
      all_reduce(bucket);
      return value;
    });
    if (step % 25 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << "\n";
  }
  std::cout << "the gradients are in the bucket: " << std::boolalpha
            << (model->parameters()[0].grad().data_ptr() == bucket.data_ptr()) << "\n";
}
