// SPDX-License-Identifier: MIT
// What a step takes and returns: closures, domains without one, a shared forward pass, losses.
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

}  // namespace

TEST_CASE("step: without a closure says what to write", "[closure][message]") {
  Network net(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), net.parameters(),
                                                 torch::optim::SGDOptions(0.1));
  CHECK_THROWS_WITH(optimizer.step(), ContainsSubstring("optimizer.step([&]"));
  CHECK_THROWS_AS(optimizer.step(std::vector<roga::LossClosure>{}), c10::Error);
  CHECK_THROWS_WITH(optimizer.step([] { return torch::zeros({2}); }),
                    ContainsSubstring("2 elements"));
}

TEST_CASE("step: an empty closure is a domain without data", "[closure]") {
  problems::Quadratics all;
  problems::Quadratics two;
  auto make = [](const at::Tensor& w) {
    return roga::wrap<torch::optim::SGD>(recipes::roga(), std::vector<at::Tensor>{w},
                                         torch::optim::SGDOptions(0.1));
  };
  auto with_gap = make(all.w);
  auto closures = all.closures();
  closures[1] = nullptr;
  with_gap.step(closures);
  auto plain = make(two.w);
  plain.step(two.closures({0, 2}));
  CHECK(problems::same_bits(all.w, two.w));
  CHECK(with_gap.last_step().losses().size() == 2);
}

TEST_CASE("step: closures in braces are a list of domains", "[closure]") {
  const auto list = [](const problems::Quadratics& problem) { return problem.closures({0, 1}); };
  auto trained = [&](auto step) {
    problems::Quadratics problem;
    auto optimizer = roga::wrap<Sgd>(recipes::roga(), std::vector<at::Tensor>{problem.w},
                                     torch::optim::SGDOptions(0.1));
    step(optimizer, list(problem));
    step(optimizer, list(problem));
    return problem.w.detach();
  };
  using Closures = std::vector<roga::LossClosure>;
  const auto two = trained([](auto& optimizer, const Closures& c) { optimizer.step(c); });
  const auto one = trained([](auto& optimizer, const Closures& c) { optimizer.step(c[0]); });
  auto check = [&](const at::Tensor& expected, auto step) {
    CHECK(problems::same_bits(trained(step), expected));
  };
  check(two, [](auto& optimizer, const Closures& c) { optimizer.step({c[0], c[1]}); });
  check(two, [](auto& optimizer, const Closures& c) { optimizer.step({c}); });
  check(two, [](auto& optimizer, const Closures& c) {
    optimizer.step({[&] { return c[0](); }, [&] { return c[1](); }});
  });
  check(one, [](auto& optimizer, const Closures& c) { optimizer.step({c[0]}); });
  check(one, [](auto& optimizer, const Closures& c) { optimizer.step({[&] { return c[0](); }}); });
  check(one, [](auto& optimizer, const Closures& c) {
    optimizer.step({c[0], nullptr});
    CHECK(optimizer.last_step().losses().size() == 1);
  });
  check(one, [](auto& optimizer, const Closures& c) {
    const auto lambda = [&] { return c[0](); };
    optimizer.step({lambda});
  });
  problems::Quadratics problem;
  auto optimizer = roga::wrap<Sgd>(recipes::roga(), std::vector<at::Tensor>{problem.w},
                                   torch::optim::SGDOptions(0.1));
  CHECK_THROWS_WITH(optimizer.step({}), ContainsSubstring("empty list of closures"));
}

TEST_CASE("step: a shared forward equals one closure per domain", "[closure]") {
  auto check = [](auto recipe) {
    Network separate(3);
    Network shared(3);
    const torch::optim::SGDOptions options(0.1);
    auto one = roga::wrap<torch::optim::SGD>(recipe, separate.parameters(), options);
    auto other = roga::wrap<torch::optim::SGD>(recipe, shared.parameters(), options);
    const auto batch = at::cat(shared.inputs);
    const auto targets = at::cat(shared.targets);
    const roga::SharedForward forward{[&] {
      return (shared.net->forward(batch) - targets).square().reshape({3, -1}).mean(1);
    }};
    for (int step = 0; step < 3; ++step) {
      const at::Tensor a = one.step(separate.closures());
      const at::Tensor b = other.step(forward);
      CHECK(a.item<double>() == Approx(b.item<double>()).epsilon(1e-12));
    }
    CHECK(problems::deviation(separate.parameters(), shared.parameters()) < 1e-12);
  };
  check(recipes::erm());
  check(recipes::sam());
  check(recipes::roga({.rho = 0.3, .alpha = 0.1}));
  check(recipes::roga_pooled({.rho = 0.3, .alpha = 0.1}));
}

TEST_CASE("micro-batches: a closure that accumulates equals the full batch", "[closure]") {
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

TEST_CASE("step: returns the mean loss at the unperturbed weights, detached", "[closure]") {
  Network net(3);
  const double expected = (net.loss(0) + net.loss(1) + net.loss(2)).item<double>() / 3;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga({.rho = 0.5}), net.parameters(),
                                                 torch::optim::SGDOptions(0.1));
  const auto loss = optimizer.step(net.closures());
  CHECK(loss.item<double>() == Approx(expected).epsilon(1e-14));
  CHECK_FALSE(loss.requires_grad());
}

TEST_CASE("step: returns the closure's loss as it was at that moment", "[closure]") {
  auto w = leaf({1});
  auto total = torch::zeros({}, at::kDouble);
  auto accumulate = [&] {
    total.zero_();
    for (const double target : {0., 3.}) {
      auto loss = (w - target).square().sum();
      loss.backward();
      total += loss.detach();
    }
    return total;
  };
  auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), {w}, torch::optim::SGDOptions(0.1));
  CHECK(optimizer.step(accumulate).item<double>() == 5);
  auto phased = roga::wrap<Sgd>(recipes::sam({.rho = .5}), {w}, torch::optim::SGDOptions(0.));
  const double here = (w.item<double>() * w.item<double>()) + std::pow(w.item<double>() - 3, 2);
  auto step = phased.phases();
  while (step.ascend(accumulate())) {
  }
  CHECK(step.descend().item<double>() == Approx(here));
}

TEST_CASE("step: returns the loss at the weights, not at the ascent point",
          "[closure][defects][defect-11]") {
  auto w = leaf({1, 2});
  auto base = naive::plain({w}, 0.1);
  CHECK_FALSE(naive::NaiveSam{{w}}.step(base, naive::square_loss(w)).defined());

  auto v = leaf({1, 2});
  CHECK(naive::robust({v}, 0.1).step(naive::square_loss(v)).item<double>() == 5);
}
