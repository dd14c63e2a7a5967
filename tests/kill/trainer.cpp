// SPDX-License-Identifier: MIT
// kill_trainer FOLDER: trains a small network, saving everything after each step, goes on from what
// is saved, and prints a fingerprint of the final weights. tests/kill/kill_test.sh kills it.
#include "support/torch.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <roga/checkpoint.hpp>
#include <roga/roga.hpp>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t total_steps = 400;

/// Inputs of a step, from its number alone.
torch::Tensor inputs(std::int64_t step, std::int64_t domain) {
  auto generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(1000 * step + domain));
  return torch::randn({8, 4}, generator) + 0.5 * static_cast<double>(domain);
}

}  // namespace

int main(int, char** argv) {
  at::set_num_threads(1);
  torch::manual_seed(1);
  const fs::path folder = argv[1];
  const std::string checkpoint = (folder / "checkpoint.pt").string();
  torch::nn::Sequential model(torch::nn::Linear(4, 16), torch::nn::BatchNorm1d(16),
                              torch::nn::Dropout(0.2), torch::nn::Tanh(), torch::nn::Linear(16, 1));
  // Momentum, a remembered row, reused directions and dropout: all of it has to come back.
  auto optimizer = roga::wrap<torch::optim::SGD>(roga::recipes::looksam({.rho = 0.1, .k = 3}),
                                                 model->parameters(),
                                                 torch::optim::SGDOptions(0.05).momentum(0.9));
  optimizer.protect(*model);

  std::int64_t done = 0;
  if (fs::exists(checkpoint)) {
    auto archive = roga::open_checkpoint(checkpoint);
    torch::serialize::InputArchive model_part;
    torch::serialize::InputArchive optimizer_part;
    archive.read("model", model_part);
    archive.read("optimizer", optimizer_part);
    model->load(model_part);
    optimizer.load(optimizer_part);
    torch::Tensor step;
    archive.read("step", step);
    done = step.item<std::int64_t>();
  }
  for (; done < total_steps; ++done) {
    torch::manual_seed(static_cast<std::uint64_t>(done));  // of the dropout masks
    std::vector<roga::LossClosure> closures;
    for (std::int64_t domain = 0; domain < 2; ++domain) {
      closures.emplace_back([&, x = inputs(done, domain)] {
        auto loss = torch::mse_loss(model->forward(x), x.sum(1, /*keepdim=*/true).sin());
        loss.backward();
        return loss;
      });
    }
    optimizer.step(closures);

    torch::serialize::OutputArchive archive;
    torch::serialize::OutputArchive model_part(archive.compilation_unit());
    torch::serialize::OutputArchive optimizer_part(archive.compilation_unit());
    model->save(model_part);
    optimizer.save(optimizer_part);
    archive.write("model", model_part);
    archive.write("optimizer", optimizer_part);
    archive.write("step", torch::tensor(done + 1));
    roga::save_checkpoint(archive, checkpoint);
  }

  std::uint64_t fingerprint = 14695981039346656037ULL;  // FNV-1a
  auto add = [&](const torch::Tensor& tensor) {
    const auto bytes = tensor.detach().contiguous();
    const auto* data = static_cast<const unsigned char*>(bytes.data_ptr());
    for (std::size_t i = 0; i < bytes.nbytes(); ++i) {
      fingerprint = (fingerprint ^ data[i]) * 1099511628211ULL;
    }
  };
  for (const auto& parameter : model->parameters()) add(parameter);
  for (const auto& buffer : model->buffers()) add(buffer);
  std::printf("%016llx\n", static_cast<unsigned long long>(fingerprint));
}
