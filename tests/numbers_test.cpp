// SPDX-License-Identifier: MIT
// Number types, devices, micro-batches and threads.
#include <thread>

#include "support/problems.hpp"
#include "support/recipes.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// A closure that writes `curvature * w` as the gradient, without operations that half precision
/// lacks on the host.
roga::LossClosure slope(const at::Tensor& w, double curvature) {
  return [w, curvature]() mutable {
    w.mutable_grad() = (w.detach().to(at::kDouble) * curvature).to(w.scalar_type());
    return torch::zeros({}, at::kFloat);
  };
}

}  // namespace

TEST_CASE("numbers: half precision follows float32 to its own rounding", "[numbers]") {
  auto steps = [](auto recipe, at::ScalarType type) {
    auto w = leaf({1, -2, .5}, type);
    auto v = leaf({-.25}, type);
    auto optimizer =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{w, v}, torch::optim::SGDOptions(0.125));
    auto other = slope(v, 2);
    for (int step = 0; step < 4; ++step) {
      optimizer.step([&] {
        slope(w, 1)();
        return other();
      });
    }
    return torch::cat({w, v}).detach().to(at::kDouble);
  };
  auto worst = [&](auto recipe, at::ScalarType type) {
    return (steps(recipe, type) - steps(recipe, at::kDouble)).abs().max().template item<double>();
  };
  auto check = [&](auto recipe) {
    CHECK(worst(recipe, at::kFloat) < 1e-6);
    CHECK(worst(recipe, at::kHalf) < 5e-3);
    CHECK(worst(recipe, at::kBFloat16) < 4e-2);
  };
  check(recipes::erm());
  check(recipes::sam({.rho = .1}));
  check(recipes::asam({.rho = .1, .eta = .01}));
  check(recipes::sagm({.rho = .1}));
  check(recipes::roga({.rho = .1}));
  check(recipes::gsam({.rho = .1}));
}

TEST_CASE("numbers: norms of half-precision gradients are taken in float32", "[numbers]") {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    // 300^2 overflows half precision; the ascent is rho along the unit vector all the same.
    auto w = leaf({300, 400}, type);
    std::vector<double> seen;
    auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = 100}), std::vector<at::Tensor>{w},
                                     torch::optim::SGDOptions(0.0));
    optimizer.step([&] {
      seen = {w[0].item().toDouble(), w[1].item().toDouble()};
      return slope(w, 1)();
    });
    CHECK(seen[0] == Approx(360).epsilon(.01));
    CHECK(seen[1] == Approx(480).epsilon(.01));
    CHECK(optimizer.last_step().ascent_norms()[0] == Approx(500).epsilon(.01));
  }
}

TEST_CASE("numbers: complex weights are real problems of twice the size", "[numbers]") {
  auto loss_of = [](const at::Tensor& x, const at::Tensor& y) {
    return (x - 2).square().sum() + 3 * (y + x).square().sum();
  };
  auto check = [&](auto recipe) {
    auto x = leaf({1, -.5}, at::kDouble);
    auto y = leaf({2, .25}, at::kDouble);
    auto w = torch::complex(x.detach(), y.detach()).requires_grad_();
    auto real =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{x, y}, torch::optim::SGDOptions(0.05));
    auto complex =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{w}, torch::optim::SGDOptions(0.05));
    for (int step = 0; step < 4; ++step) {
      real.step([&] {
        auto loss = loss_of(x, y);
        loss.backward();
        return loss;
      });
      complex.step([&] {
        const auto parts = torch::view_as_real(w);
        auto loss = loss_of(parts.select(1, 0), parts.select(1, 1));
        loss.backward();
        return loss;
      });
    }
    const auto expected = torch::complex(x.detach(), y.detach());
    CHECK((w.detach() - expected).abs().max().template item<double>() < 1e-12);
  };
  check(recipes::sam({.rho = .3}));
  check(recipes::sagm({.rho = .3, .alpha = .1}));
  check(recipes::gsam({.rho = .3}));
  check(recipes::fsam({.rho = .3}));
  check(recipes::gam({.rho = .3, .gamma = .2}));
  check(recipes::roga({.rho = .3}));
}

TEST_CASE("numbers: parameters of several types and devices share one norm", "[numbers][device]") {
  const auto device = torch::cuda::is_available() ? at::Device(at::kCUDA) : at::Device(at::kCPU);
  auto a = leaf({3}, at::kDouble);
  auto b = torch::full({1}, 4.0, torch::dtype(at::kFloat).device(device)).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = 1}), std::vector<at::Tensor>{a, b},
                                   torch::optim::SGDOptions(0.0));
  std::vector<double> seen;
  optimizer.step([&] {
    seen = {a.item<double>(), b.item<double>()};
    a.mutable_grad() = a.detach().clone();
    b.mutable_grad() = b.detach().clone();
    return torch::zeros({});
  });
  CHECK(seen[0] == Approx(3.6));
  CHECK(seen[1] == Approx(4.8));
}

TEST_CASE("numbers: dropout on an accelerator draws the same masks again", "[numbers][device]") {
  if (!torch::cuda::is_available()) return;
  auto run = [](auto recipe) {
    torch::manual_seed(2);
    torch::nn::Sequential net(torch::nn::Linear(4, 8), torch::nn::Dropout(0.5),
                              torch::nn::Linear(8, 1));
    net->to(at::kCUDA);
    const auto x = torch::randn({8, 4}, at::kCUDA);
    auto optimizer = roga::wrap<Sgd>(recipe, net->parameters(), torch::optim::SGDOptions(0.1));
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

TEST_CASE("micro-batches: a closure that accumulates equals the full batch", "[closures]") {
  auto run = [](auto recipe, int parts) {
    Network net(2);
    auto optimizer =
        roga::wrap<torch::optim::Adam>(recipe, net.parameters(), torch::optim::AdamOptions(0.01));
    std::vector<roga::LossClosure> closures;
    for (const std::size_t k : {0, 1}) {
      closures.emplace_back([&net, k, parts] {
        auto total = torch::zeros({}, at::kDouble);
        for (int part = 0; part < parts; ++part) {
          const std::int64_t size = net.inputs[k].size(0) / parts;
          auto loss = torch::mse_loss(net.net->forward(net.inputs[k].narrow(0, part * size, size)),
                                      net.targets[k].narrow(0, part * size, size)) /
                      parts;
          loss.backward();
          total += loss.detach();
        }
        return total;
      });
    }
    at::Tensor loss;
    for (int step = 0; step < 4; ++step) loss = optimizer.step(closures);
    auto all = problems::copy(net.parameters());
    all.push_back(loss);
    return all;
  };
  for (const int parts : {2, 3, 6}) {
    CHECK(problems::deviation(run(recipes::sam({.rho = .2}), parts),
                              run(recipes::sam({.rho = .2}), 1)) < 1e-12);
    CHECK(problems::deviation(run(recipes::roga({.rho = .2}), parts),
                              run(recipes::roga({.rho = .2}), 1)) < 1e-12);
  }
}

TEST_CASE("threads: two optimizers over two models do not disturb each other", "[threads]") {
  auto train = [](std::uint64_t seed, auto recipe, problems::Parameters& result) {
    auto generator = at::detail::createCPUGenerator(seed);
    auto w = torch::randn({6, 3}, generator, at::kDouble).requires_grad_();
    const auto x = torch::randn({16, 6}, generator, at::kDouble);
    auto optimizer = roga::wrap<torch::optim::Adam>(recipe, std::vector<at::Tensor>{w},
                                                    torch::optim::AdamOptions(0.01));
    for (int step = 0; step < 200; ++step) {
      optimizer.step([&] {
        auto loss = x.matmul(w).sin().square().mean();
        loss.backward();
        return loss;
      });
    }
    result = problems::copy({w});
  };
  problems::Parameters alone[2];
  problems::Parameters together[2];
  train(1, recipes::roga({.rho = .2}), alone[0]);
  train(2, recipes::fsam({.rho = .2}), alone[1]);
  std::thread first([&] { train(1, recipes::roga({.rho = .2}), together[0]); });
  std::thread second([&] { train(2, recipes::fsam({.rho = .2}), together[1]); });
  first.join();
  second.join();
  CHECK(problems::same_bits(alone[0], together[0]));
  CHECK(problems::same_bits(alone[1], together[1]));
}
