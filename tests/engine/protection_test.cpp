// SPDX-License-Identifier: MIT
#include <torch/script.h>

#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
using problems::with_norm_and_dropout;
namespace recipes = roga::recipes;

namespace {

Network noisy(std::int64_t domains) {
  torch::manual_seed(3);
  return Network(domains, at::kDouble, 7, with_norm_and_dropout());
}

}  // namespace

TEST_CASE("protect: running statistics count the first pass only", "[protect][invariant]") {
  auto check = [](auto recipe) {
    Network plain = noisy(2);
    Network robust = noisy(2);
    auto erm = roga::wrap<torch::optim::SGD>(recipes::erm(), plain.parameters(),
                                             torch::optim::SGDOptions(0.0));
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, robust.parameters(), torch::optim::SGDOptions(0.0));
    optimizer.protect(*robust.net);
    torch::manual_seed(11);
    for (int step = 0; step < 3; ++step) erm.step(plain.closures());
    torch::manual_seed(11);
    for (int step = 0; step < 3; ++step) optimizer.step(robust.closures());
    CHECK(problems::same_bits(plain.net->buffers(), robust.net->buffers()));
    CHECK(robust.net->buffers().size() == 3);
  };
  check(recipes::sam({.rho = 1}));
  check(recipes::roga({.rho = 1}));
  check(recipes::roga_pooled({.rho = 1}));
}

TEST_CASE("protect: dropout draws the same masks in every pass", "[protect][invariant]") {
  auto run = [](auto recipe, bool protect) {
    Network net = noisy(2);
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
    if (protect) optimizer.protect(*net.net);
    torch::manual_seed(11);
    for (int step = 0; step < 3; ++step) optimizer.step(net.closures());
    return problems::copy(net.parameters());
  };
  // With radius 0 and the same masks, the second pass repeats the first bit for bit.
  const auto erm = run(recipes::erm(), false);
  CHECK(problems::same_bits(run(recipes::sam({.rho = 0}), true), erm));
  CHECK(problems::same_bits(run(recipes::roga({.rho = 0, .alpha = 0}), true), erm));
  CHECK_FALSE(problems::same_bits(run(recipes::sam({.rho = 0}), false), erm));
}

TEST_CASE("protect: an exception and a skipped step undo buffers and generators",
          "[protect][invariant]") {
  for (const bool throws : {true, false}) {
    Network net = noisy(2);
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga(), net.parameters(),
                                                   torch::optim::SGDOptions(0.1));
    optimizer.protect(*net.net);
    std::vector<at::Tensor> before;
    for (const auto& buffer : net.net->buffers()) before.push_back(buffer.clone());
    torch::manual_seed(5);
    const auto expected = torch::rand({4});
    torch::manual_seed(5);
    int calls = 0;
    std::vector<roga::LossClosure> closures(2, [&] {
      auto loss = net.loss(0);
      if (++calls == 4 && throws) throw std::runtime_error("closure failed");
      if (calls == 4) loss = loss / 0.0;
      loss.backward();
      return loss;
    });
    if (throws) {
      CHECK_THROWS(optimizer.step(closures));
    } else {
      optimizer.step(closures);
      CHECK(optimizer.last_step().skipped());
    }
    CHECK(calls == 4);
    CHECK(problems::same_bits(net.net->buffers(), before));
    CHECK(problems::same_bits(torch::rand({4}), expected));
  }
}

TEST_CASE("protect: a shared forward counts its batch once and sees the same masks again",
          "[protect][invariant]") {
  auto run = [](auto recipe, bool protect) {
    Network net = noisy(2);
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
    if (protect) optimizer.protect(*net.net);
    const auto x = torch::cat({net.inputs[0], net.inputs[1]});
    const auto y = torch::cat({net.targets[0], net.targets[1]});
    torch::manual_seed(11);
    for (int step = 0; step < 3; ++step) {
      optimizer.step(roga::SharedForward{[&] {
        return (net.net->forward(x) - y).square().reshape({2, -1}).mean(1);
      }});
    }
    auto state = problems::copy(net.parameters());
    for (const auto& buffer : net.net->buffers()) state.push_back(buffer.clone());
    return state;
  };
  // With radius 0 every further pass repeats the first, so that protected equals ERM.
  const auto erm = run(recipes::erm(), false);
  CHECK(problems::deviation(run(recipes::sam({.rho = 0}), true), erm) < 1e-12);
  CHECK(problems::deviation(run(recipes::roga({.rho = 0, .alpha = 0}), true), erm) < 1e-12);
  CHECK(problems::deviation(run(recipes::sam({.rho = 0}), false), erm) > 1e-3);
  // At a real radius the statistics of the first step's batch are still ERM's.
  CHECK(run(recipes::roga({.rho = 1}), true).back().item<std::int64_t>() == 3);
}

TEST_CASE("protect: works for a TorchScript module that rebinds its buffers", "[protect]") {
  torch::jit::Module module("counting");
  module.register_parameter("weight", torch::ones({3}, at::kDouble).requires_grad_(), false);
  module.register_buffer("seen", torch::zeros({}, at::kDouble));
  module.define(R"(
    def forward(self, x):
        self.seen = self.seen + x.sum()
        return (self.weight * x).sum()
  )");
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : module.parameters()) parameters.push_back(parameter);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam({.rho = 1}), parameters,
                                                 torch::optim::SGDOptions(0.1));
  optimizer.protect(module);
  const auto x = torch::ones({3}, at::kDouble);
  for (int step = 0; step < 4; ++step) {
    optimizer.step([&] {
      auto loss = module.forward({x}).toTensor().square();
      loss.backward();
      return loss;
    });
  }
  CHECK(module.attr("seen").toTensor().item<double>() == 12);
}

TEST_CASE("protect: holds over a whole step of LBFGS", "[protect]") {
  torch::manual_seed(3);
  torch::nn::Sequential layers(torch::nn::Linear(5, 8), torch::nn::BatchNorm1d(8),
                               torch::nn::Dropout(.5), torch::nn::Linear(8, 2));
  Network net(1, at::kDouble, 7, layers);
  auto optimizer = roga::wrap<torch::optim::LBFGS>(recipes::sam({.rho = .01}), net.parameters(),
                                                   torch::optim::LBFGSOptions(.1).max_iter(4));
  optimizer.protect(*layers);
  std::vector<at::Tensor> masks;
  optimizer.step([&] {
    auto loss = net.loss(0);
    loss.backward();
    // The generator has drawn this pass's mask: the next number tells whether it is the same one.
    const auto next = at::globalContext().defaultGenerator(at::kCPU).get_state();
    masks.push_back(next);
    return loss;
  });
  REQUIRE(masks.size() > 4);
  for (const auto& mask : masks) CHECK(mask.equal(masks.front()));
  CHECK(layers->buffers().back().item<std::int64_t>() == 1);  // num_batches_tracked
}

TEST_CASE("protect: dropout on an accelerator draws the same masks again", "[protect][device]") {
  if (!torch::cuda::is_available()) return;
  auto run = [](auto recipe) {
    torch::manual_seed(2);
    torch::nn::Sequential net(torch::nn::Linear(4, 8), torch::nn::Dropout(0.5),
                              torch::nn::Linear(8, 1));
    net->to(at::kCUDA);
    const auto x = torch::randn({8, 4}, at::kCUDA);
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net->parameters(), torch::optim::SGDOptions(0.1));
    optimizer.protect(*net);
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        auto loss = net->forward(x).square().mean();
        loss.backward();
        return loss;
      });
    }
    return problems::copy(net->parameters());
  };
  const auto erm = run(recipes::erm());
  const auto sam = run(recipes::sam({.rho = 0}));
  for (std::size_t i = 0; i < erm.size(); ++i) CHECK(erm[i].equal(sam[i]));
}

TEST_CASE("protect: buffers that count passes count one", "[protect][defects][defect-12]") {
  auto run = [](int mode) {  // 0: one plain pass, 1: naive, 2: here
    torch::manual_seed(2);
    auto options = torch::nn::BatchNorm1dOptions(3).momentum(c10::nullopt);  // cumulative
    torch::nn::Sequential net(torch::nn::Linear(3, 3), torch::nn::BatchNorm1d(options));
    net->to(at::kDouble);
    const auto x = torch::randn({8, 3}, at::kDouble);
    auto closure = [&] {
      auto loss = net->forward(x).pow(3).mean();
      loss.backward();
      return loss;
    };
    if (mode == 0) closure();
    if (mode == 1) {
      auto base = naive::plain(net->parameters(), 0.0);
      naive::NaiveSam{net->parameters(), 1}.step(base, closure);
    }
    if (mode == 2) {
      auto optimizer = naive::robust(net->parameters(), 0.0, 1);
      optimizer.protect(*net);
      optimizer.step(closure);
    }
    return problems::copy(net->buffers());
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}

TEST_CASE("protect: with radius 0 dropout leaves the base optimizer",
          "[protect][defects][defect-13]") {
  auto run = [](int mode) {
    torch::manual_seed(2);
    torch::nn::Sequential net(torch::nn::Linear(4, 8), torch::nn::Dropout(0.5),
                              torch::nn::Linear(8, 1));
    net->to(at::kDouble);
    const auto x = torch::randn({8, 4}, at::kDouble);
    auto closure = [&] {
      net->zero_grad();
      auto loss = net->forward(x).square().mean();
      loss.backward();
      return loss;
    };
    auto base = naive::plain(net->parameters(), 0.1);
    naive::NaiveSam copied{net->parameters(), 0};
    auto optimizer = naive::robust(net->parameters(), 0.1, 0);
    optimizer.protect(*net);
    torch::manual_seed(3);
    for (int step = 0; step < 3; ++step) {
      if (mode == 0) {
        closure();
        base.step();
      }
      if (mode == 1) copied.step(base, closure);
      if (mode == 2) optimizer.step(closure);
    }
    return problems::copy(net->parameters());
  };
  CHECK_FALSE(problems::same_bits(run(1), run(0)));
  CHECK(problems::same_bits(run(2), run(0)));
}
