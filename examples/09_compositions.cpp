// SPDX-License-Identifier: MIT
// Methods that nobody had to write: policies of different papers in one recipe.
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>
#include <string>
#include <vector>

namespace {

/// Trains a small network on three shifted domains and prints the mean loss at the end.
template <class Recipe>
void train(const std::string& name, const Recipe& recipe, bool norm_layers_only = false) {
  torch::manual_seed(1);
  torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({16}));
  torch::nn::Sequential model(torch::nn::Linear(4, 16), norm, torch::nn::Tanh(),
                              torch::nn::Linear(16, 1));
  std::vector<roga::LossClosure> closures;
  for (const double shift : {-1.0, 0.0, 1.0}) {
    const auto x = torch::randn({32, 4}) + shift;
    const auto y = x.sum(1, /*keepdim=*/true).sin() + shift;
    closures.emplace_back([=]() mutable {
      auto loss = torch::mse_loss(model->forward(x), y);
      loss.backward();
      return loss;
    });
  }
  auto optimizer =
      roga::wrap<torch::optim::Adam>(recipe, model->parameters(), torch::optim::AdamOptions(1e-2));
  if (norm_layers_only) optimizer.ascend_only(norm->parameters());
  float loss = 0;
  for (int step = 0; step < 60; ++step) loss = optimizer.step(closures).template item<float>();
  std::cout << name << ": loss " << loss << "\n";
}

}  // namespace

int main() {
  using namespace roga;
  at::set_num_threads(1);

  // DISAM's ascent with the descent of GSAM, of SAGM.
  train("DISAM + GSAM", recipe(LossWeightedAscent{.rho = 0.05}, Pooled{}, OrthogonalDescent{}));
  train("DISAM + SAGM", recipe(LossWeightedAscent{.rho = 0.05}, Pooled{}, WeightedSum{}));

  // Each domain ascends on its own; PCGrad, CAGrad, MGDA or UPGrad aligns what is captured there.
  const DomainAscent ascent{.rho = 0.05};
  train("ascent + PCGrad", recipe(ascent, OwnDomain{}, PcGrad<Over::captured>{}));
  train("ascent + CAGrad", recipe(ascent, OwnDomain{}, ConflictAverse<Over::captured>{}));
  train("ascent + MGDA", recipe(ascent, OwnDomain{}, MinNorm<Over::captured>{}));
  train("ascent + UPGrad", recipe(ascent, OwnDomain{}, UpGrad<Over::captured>{}));

  // RoGA in ASAM's metric.
  train("adaptive RoGA", recipe(DomainAscentIn<AbsoluteParameter>{.rho = 0.5, .alpha = 2e-4},
                                OwnDomain{}, WeightedSum{}));

  // SAM-ON: the ascent moves the normalisation layers only.
  train("SAM-ON", recipes::sam({.rho = 0.5}), /*norm_layers_only=*/true);
}
