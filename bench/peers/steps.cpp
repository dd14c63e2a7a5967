// SPDX-License-Identifier: MIT
// Steps of this library on demand, for peers.py, which times them beside those of LibTorch's Python
// package. Reads lines `time NETWORK METHOD STEPS` and answers with milliseconds a step, or
// `loss NETWORK METHOD STEPS` and answers with the last loss, of a network that starts anew.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <chrono>
#include <iostream>
#include <roga/optimizer.hpp>
#include <roga/recipes/erm.hpp>
#include <roga/recipes/sam.hpp>
#include <stdexcept>
#include <string>

namespace {

namespace nn = torch::nn;

/// Numbers that both languages make alike: sin(i + 1) times a factor.
at::Tensor waves(c10::IntArrayRef sizes, double factor) {
  const std::int64_t count = c10::multiply_integers(sizes);
  return torch::arange(1, count + 1, torch::kDouble)
      .sin()
      .mul(factor)
      .to(torch::kFloat)
      .view(sizes);
}

struct Task {
  explicit Task(const std::string& name) {
    if (name == "linear") {  // a hundred layers, whose arithmetic is next to nothing
      for (int i = 0; i < 100; ++i) network->push_back(nn::Linear(32, 32));
      images = waves({16, 32}, 1);
      labels = torch::arange(16) % 10;
    } else if (name == "convolutional") {
      std::int64_t channels = 3;
      for (const std::int64_t next : {16, 32, 64}) {
        network->push_back(nn::Conv2d(nn::Conv2dOptions(channels, next, 3).padding(1)));
        network->push_back(nn::ReLU());
        network->push_back(nn::MaxPool2d(2));
        channels = next;
      }
      network->push_back(nn::Flatten());
      network->push_back(nn::Linear(64 * 4 * 4, 10));
      images = waves({32, 3, 32, 32}, 1);
      labels = torch::arange(32) % 10;
    } else {
      throw std::invalid_argument("network must be linear or convolutional, not " + name);
    }
    const torch::NoGradGuard no_grad;
    for (auto& parameter : network->parameters()) {
      // He's scale, by the inputs of a row.
      const double fan_in = static_cast<double>(parameter.numel() / parameter.size(0));
      parameter.copy_(waves(parameter.sizes(), parameter.dim() > 1 ? std::sqrt(2 / fan_in) : 0.01));
    }
  }
  at::Tensor operator()() {
    network->zero_grad();
    auto loss = torch::nn::functional::cross_entropy(network->forward(images), labels);
    loss.backward();
    return loss;
  }
  nn::Sequential network;
  at::Tensor images, labels;
};

template <class Recipe>
double run(const std::string& what, Task& task, Recipe recipe, int steps) {
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, task.network->parameters(),
                                                 torch::optim::SGDOptions(0.01).momentum(0.9));
  const roga::LossClosure closure = [&] { return task(); };
  at::Tensor loss;
  if (what == "loss") {
    for (int step = 0; step < steps; ++step) loss = optimizer.step(closure);
    return loss.item<double>();
  }
  for (int step = 0; step < 3; ++step) optimizer.step(closure);  // first steps make buffers
  const auto begin = std::chrono::steady_clock::now();
  for (int step = 0; step < steps; ++step) loss = optimizer.step(closure);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
  return time.count() / steps;
}

}  // namespace

int main() {
  at::set_num_threads(1);
  std::string what, network, method;
  int steps = 0;
  try {
    while (std::cin >> what >> network >> method >> steps) {
      if (what != "time" && what != "loss")
        throw std::invalid_argument("time or loss, not " + what);
      if (method != "erm" && method != "sam") {
        throw std::invalid_argument("method must be erm or sam, not " + method);
      }
      if (steps < 1)
        throw std::invalid_argument("steps must be positive, not " + std::to_string(steps));
      Task task(network);
      std::cout << (method == "erm" ? run(what, task, roga::recipes::erm(), steps)
                                    : run(what, task, roga::recipes::sam({.rho = 0.05}), steps))
                << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << "peers_steps: " << error.what() << '\n';
    return 1;
  }
}
