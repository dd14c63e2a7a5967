// SPDX-License-Identifier: MIT
// Three source domains, one closure each; one shared forward pass; one closure over all of them.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>
#include <vector>

struct Batch {
  torch::Tensor x, y;
};

int main() {
  at::set_num_threads(1);
  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(4, 16), torch::nn::BatchNorm1d(16),
                              torch::nn::ReLU(), torch::nn::Linear(16, 1));
  std::vector<Batch> minibatch;
  for (const double shift : {-1.0, 0.0, 1.0}) {
    const auto x = torch::randn({32, 4}) + shift;
    minibatch.push_back({x, x.sum(1, /*keepdim=*/true).sin()});
  }

  auto optimizer =
      roga::wrap<torch::optim::AdamW>(roga::recipes::roga({.rho = 0.05, .alpha = 1e-3}),
                                      model->parameters(), torch::optim::AdamWOptions(1e-2));
  optimizer.protect(*model);  // batch norm counts the first pass only; passes share dropout masks

  for (int step = 0; step < 50; ++step) {
    std::vector<roga::LossClosure> closures;
    for (const auto& batch : minibatch) {
      closures.emplace_back([&model, batch] {
        auto loss = torch::mse_loss(model->forward(batch.x), batch.y);
        loss.backward();
        return loss;
      });
    }
    torch::Tensor loss = optimizer.step(closures);
    if (step % 10 == 0) std::cout << optimizer.last_step() << "\n";
  }

  const auto all_x = torch::cat({minibatch[0].x, minibatch[1].x, minibatch[2].x});
  const auto all_y = torch::cat({minibatch[0].y, minibatch[1].y, minibatch[2].y});
  torch::Tensor loss = optimizer.step(roga::SharedForward{[&] {
    return (model->forward(all_x) - all_y).square().reshape({3, -1}).mean(1);
  }});
  std::cout << "shared forward: loss " << loss.item<float>() << "\n";

  // A minibatch without data of the second domain.
  auto losses_of_two = [&] {
    return torch::stack({torch::mse_loss(model->forward(minibatch[0].x), minibatch[0].y),
                         torch::mse_loss(model->forward(minibatch[2].x), minibatch[2].y)});
  };
  optimizer.step(roga::SharedForward{losses_of_two, {0, 2}});  // domain 1 is absent
  std::cout << "domains: " << optimizer.last_step().losses().size() << "\n";

  // One closure over all domains beside those for each: sam evaluates the whole minibatch.
  auto sam = roga::wrap<torch::optim::SGD>(roga::recipes::sam({.rho = 0.05}), model->parameters(),
                                           torch::optim::SGDOptions(0.01));
  sam.perturbation().radius = {.loss_budget = 0.1};
  std::vector<roga::LossClosure> closures;
  for (const auto& batch : minibatch) {
    closures.emplace_back([&model, batch] {
      auto value = torch::mse_loss(model->forward(batch.x), batch.y);
      value.backward();
      return value;
    });
  }
  auto pooled = [&] {
    auto losses = (model->forward(all_x) - all_y).square().reshape({3, -1}).mean(1);
    losses.mean().backward();
    return losses;
  };
  sam.step(roga::Domains{closures, pooled});
  std::cout << "evaluations: " << sam.last_step().evaluations() << "\n";
}
