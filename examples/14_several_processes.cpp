// SPDX-License-Identifier: MIT
// One training on several processes, under the variables of torchrun or scripts/run_ranks.sh:
//
//   scripts/run_ranks.sh 3 build/dev/examples/example_14_several_processes
#include <torch/torch.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <roga/distributed.hpp>
#include <roga/roga.hpp>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

/// The process group of all ranks.
c10::intrusive_ptr<c10d::ProcessGroupGloo> connect(int rank, int size) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(std::stoi(variable("MASTER_PORT", "29500")));
  // torchrun keeps a store of its own there.
  options.isServer = rank == 0 && variable("TORCHELASTIC_USE_AGENT_STORE", "") != "True";
  auto store = c10::make_intrusive<c10d::TCPStore>(variable("MASTER_ADDR", "127.0.0.1"), options);
  // Above the slowest pass of a rank; c10d's default is 30 minutes.
  auto gloo = c10d::ProcessGroupGloo::Options::create(std::chrono::minutes(2));
  gloo->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, gloo);
}

int main() {
  at::set_num_threads(1);
  const int rank = std::stoi(variable("RANK", "0"));
  const int size = std::stoi(variable("WORLD_SIZE", "1"));

  torch::manual_seed(1);
  torch::nn::Sequential model(torch::nn::Linear(4, 16), torch::nn::Tanh(),
                              torch::nn::Linear(16, 1));
  model->to(torch::kDouble);
  auto optimizer = roga::wrap<torch::optim::AdamW>(
      roga::recipes::roga({.rho = 0.05}), model->parameters(), torch::optim::AdamWOptions(1e-2));
  if (size > 1) {
    optimizer.distribute({.group = roga::communicator(connect(rank, size))});
  }

  // Every rank draws the same global batch and takes its part of each domain.
  constexpr std::int64_t domains = 3;
  constexpr std::int64_t batch = 12;
  const auto data = torch::randn({domains, 240, 4}, torch::kDouble);
  const auto labels = data.sum(2, /*keepdim=*/true).sin();
  torch::Tensor loss;
  for (int step = 0; step < 60; ++step) {
    const auto rows = torch::randint(240, {batch});
    const auto mine = rows.slice(0, rank * batch / size, (rank + 1) * batch / size);
    std::vector<roga::LossClosure> closures;
    for (std::int64_t k = 0; k < domains; ++k) {
      const auto x = data[k].index_select(0, mine);
      const auto y = labels[k].index_select(0, mine);
      closures.push_back([&model, &optimizer, x, y] {
        optimizer.zero_grad();
        auto value = torch::mse_loss(model->forward(x), y);
        value.backward();
        return value;
      });
    }
    optimizer.data_weight(static_cast<double>(mine.size(0)));
    loss = optimizer.step(closures);
  }
  if (rank == 0) {  // which alone writes checkpoints, too
    std::cout << "ranks " << size << ": loss " << loss.item<double>() << ", "
              << optimizer.last_step() << "\n";
  }
}
