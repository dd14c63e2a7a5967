// SPDX-License-Identifier: MIT
// A learning-rate scheduler, a radius schedule, and a run that is saved and resumed.
#include <torch/torch.h>

#include <filesystem>
#include <iostream>
#include <roga/checkpoint.hpp>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::Linear model(4, 1);
  const auto x = torch::randn({64, 4});
  const auto y = x.sum(1, /*keepdim=*/true);
  auto make = [&] {
    return roga::wrap<torch::optim::SGD>(roga::recipes::sagm({.rho = 0.05, .alpha = 1e-3}),
                                         model->parameters(), torch::optim::SGDOptions(0.1));
  };
  auto closure = [&] {
    auto loss = torch::mse_loss(model->forward(x), y);
    loss.backward();
    return loss;
  };

  auto optimizer = make();
  optimizer.schedule_radius(roga::schedules::cosine(0.05, 0.01, 100));
  torch::optim::StepLR scheduler(optimizer, /*step_size=*/30, /*gamma=*/0.1);
  for (int step = 0; step < 50; ++step) {
    optimizer.step(closure);
    scheduler.step();
  }
  const auto file = std::filesystem::temp_directory_path() / "roga_example_04.pt";
  roga::save_checkpoint(optimizer, file);

  auto resumed = make();
  resumed.schedule_radius(roga::schedules::cosine(0.05, 0.01, 100));
  roga::load_checkpoint(resumed, file);  // learning rates too
  std::filesystem::remove(file);
  const auto loss = resumed.step(closure);
  std::cout << "resumed at step " << resumed.last_step().step() << " with learning rate "
            << resumed.param_groups()[0].options().get_lr() << ", loss " << loss.item<float>()
            << "\n";
}
