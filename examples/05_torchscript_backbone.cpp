// SPDX-License-Identifier: MIT
// Fine-tuning a TorchScript backbone under a head of our own; names decide what is frozen.
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <iostream>
#include <roga/roga.hpp>

int main() {
  at::set_num_threads(1);
  torch::jit::setTensorExprFuserEnabled(false);  // it can hang, as on Debian 13
  torch::manual_seed(1);
  // In life: torch::jit::load("resnet18.ts.pt"), scripted, or traced after model.train(): a trace
  // in evaluation mode keeps batch norm frozen, whatever one says to it later.
  torch::jit::Module backbone("Backbone");
  backbone.register_parameter("stem", torch::randn({16, 8}) / 3, /*is_buffer=*/false);
  backbone.register_parameter("layer", torch::randn({8, 8}) / 3, /*is_buffer=*/false);
  backbone.register_buffer("scale", torch::ones({8}));
  backbone.define(R"(
def forward(self, x):
    return torch.relu(torch.matmul(torch.relu(torch.matmul(x, self.stem)), self.layer)) * self.scale
)");
  torch::nn::Linear head(8, 1);

  std::vector<torch::Tensor> parameters = head->parameters();
  for (const auto& named : backbone.named_parameters()) {
    const bool is_frozen = named.name.rfind("stem", 0) == 0;
    torch::Tensor(named.value).set_requires_grad(!is_frozen);
    if (!is_frozen) parameters.push_back(named.value);
  }
  backbone.train();
  auto optimizer = roga::wrap<torch::optim::AdamW>(roga::recipes::sam({.rho = 0.05}), parameters,
                                                   torch::optim::AdamWOptions(1e-2));
  optimizer.protect(backbone);  // its running statistics count the first pass of a step only

  const auto x = torch::randn({64, 16});
  const auto y = x.sum(1, /*keepdim=*/true).tanh();
  const auto stem = backbone.attr("stem").toTensor().clone();
  for (int step = 0; step <= 100; ++step) {
    const auto loss = optimizer.step([&] {
      auto value = torch::mse_loss(head->forward(backbone.forward({x}).toTensor()), y);
      value.backward();
      return value;
    });
    if (step % 50 == 0) std::cout << "step " << step << " loss " << loss.item<float>() << "\n";
  }
  const bool same = torch::equal(stem, backbone.attr("stem").toTensor());
  std::cout << "the frozen stem " << (same ? "stayed as it was" : "has moved") << "\n";
}
