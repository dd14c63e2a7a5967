// SPDX-License-Identifier: MIT
// The parameters come back bit for bit, in their storage.
#include <functional>

#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using naive::NaiveSam;
using naive::plain;
using naive::robust;
using naive::Sgd;
using naive::square_loss;
using naive::Weights;
using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

TEST_CASE("step: parameters keep their storage and their views", "[restore][invariant]") {
  Network net(2);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga(), net.parameters(),
                                                 torch::optim::SGDOptions(0.1));
  std::vector<void*> pointers;
  for (const auto& parameter : net.parameters()) pointers.push_back(parameter.data_ptr());
  const auto view = net.parameters()[0].detach().view({-1});
  for (int step = 0; step < 3; ++step) optimizer.step(net.closures());
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    CHECK(net.parameters()[i].data_ptr() == pointers[i]);
  }
  CHECK(problems::same_bits(view, net.parameters()[0].view({-1})));
}

TEST_CASE("step: with learning rate 0 no weight moves, however often", "[restore][invariant]") {
  auto check = [](auto recipe) {
    Network net(3, at::kFloat);
    const auto before = problems::copy(net.parameters());
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.0));
    for (int step = 0; step < 100; ++step) optimizer.step(net.closures());
    CHECK(problems::same_bits(net.parameters(), before));
  };
  check(recipes::sam({.rho = 2}));
  check(recipes::asam({.rho = 2}));
  check(recipes::gac_fas({.rho = 2}));
}

TEST_CASE("step: a parameter may have a gradient in one pass and none in another",
          "[restore][invariant]") {
  // Branch b is used by the pass at theta only, then by the captured pass only.
  for (const bool at_theta : {true, false}) {
    auto a = torch::full({1}, .5, at::kDouble).requires_grad_();
    auto b = torch::full({1}, .5, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sagm(), std::vector<at::Tensor>{a, b},
                                                   torch::optim::SGDOptions(0.0));
    int pass = 0;
    auto closure = [&] {
      auto loss = a.square().sum();
      if ((pass++ == 0) == at_theta) loss = loss + b.square().sum();
      loss.backward();
      return loss;
    };
    optimizer.step(closure);
    CHECK(a.item<double>() == .5);
    CHECK(b.item<double>() == .5);
    CHECK(b.grad().item<double>() == Approx(.5));  // half of 2 b, from the one pass that has it
  }
}

TEST_CASE("step: gradients of the closure's own, zero ones and empty parameters do nothing",
          "[restore][invariant]") {
  auto w = torch::ones({2}).requires_grad_();
  auto empty = torch::ones({0}).requires_grad_();
  auto check = [&](auto recipe, const roga::LossClosure& closure) {
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w, empty},
                                                   torch::optim::SGDOptions(0.1));
    optimizer.step(std::vector<roga::LossClosure>{closure, closure});
    CHECK(problems::same_bits(w, torch::ones({2})));
    CHECK_FALSE(optimizer.last_step().skipped());
  };
  const roga::LossClosure constant = [&] {
    w.mutable_grad() = torch::zeros({2});
    return torch::ones({});
  };
  const roga::LossClosure zero = [&] {
    auto loss = 0 * w.sum() + empty.sum();
    loss.backward();
    return loss;
  };
  for (const auto& closure : {constant, zero}) {
    check(recipes::sam(), closure);
    check(recipes::asam(), closure);
    check(recipes::gac_fas(), closure);
    check(recipes::roga(), closure);
  }
}

TEST_CASE("weights: stay in their storage, so that views follow", "[restore][defects][defect-1]") {
  auto w = leaf({1, 2});
  const auto view = w.detach().view({2});
  auto base = plain({w}, 0.1);
  NaiveSam{{w}}.step(base, square_loss(w));
  CHECK_FALSE(problems::same_bits(view, w));

  auto v = leaf({1, 2});
  const auto seen = v.detach().view({2});
  auto optimizer = robust({v}, 0.1);
  optimizer.step(square_loss(v));
  CHECK(problems::same_bits(seen, v));
}

TEST_CASE("weights: one without gradient in the second pass comes back",
          "[restore][defects][defect-2]") {
  auto run = [](const std::function<void(Weights, std::function<at::Tensor()>)>& step) {
    auto a = leaf({0.5});
    auto b = leaf({1.0});
    int calls = 0;
    step({a, b}, [&] {
      auto loss = b.square().sum();
      if (calls++ == 0) loss = loss + a.square().sum();
      loss.backward();
      return loss;
    });
    return a.item<double>();
  };
  CHECK(run([](Weights w, auto closure) {
          auto base = plain(w, 0);
          NaiveSam{w, .1}.step(base, closure);
        }) != 0.5);
  CHECK(run([](Weights w, auto closure) { robust(w, 0, .1).step(closure); }) == 0.5);
}

TEST_CASE("weights: a perturbation is taken back once, and only where there was one",
          "[restore][defects][defect-3]") {
  // a has gradients in step 0 only, c only in the second pass.
  auto run =
      [](const std::function<std::function<void(std::function<at::Tensor()>)>(Weights)>& make) {
        auto a = leaf({0.5});
        auto b = leaf({1.0});
        auto c = leaf({0.25});
        const auto step = make({a, b, c});
        for (int i = 0; i < 3; ++i) {
          int calls = 0;
          step([&] {
            auto loss = b.square().sum();
            if (i == 0) loss = loss + a.square().sum();
            if (calls++ == 1) loss = loss + c.square().sum();
            loss.backward();
            return loss;
          });
        }
        return std::vector<double>{a.item<double>(), c.item<double>()};
      };
  CHECK(run([](Weights w) {
          auto base = std::make_shared<Sgd>(plain(w, 0));
          auto sam = std::make_shared<NaiveSam>(NaiveSam{w, .1, NaiveSam::Restore::subtract});
          return [=](auto closure) { sam->step(*base, closure); };
        })[0] != 0.5);
  const auto kept = run([](Weights w) {
    using Optimizer = decltype(robust(w, 0.0));
    std::shared_ptr<Optimizer> optimizer(new Optimizer(robust(w, 0.0, .1)));
    return [=](auto closure) { optimizer->step(closure); };
  });
  CHECK(kept == std::vector<double>{0.5, 0.25});
}

TEST_CASE("weights: a second pass that throws leaves them where they were",
          "[restore][defects][defect-4]") {
  auto failing = [](const at::Tensor& w) {
    return [w, calls = 0]() mutable {
      if (calls++ == 1) throw std::runtime_error("out of memory");
      return square_loss(w)();
    };
  };
  auto w = leaf({1, 2});
  auto base = plain({w}, 0.1);
  CHECK_THROWS_AS(NaiveSam{{w}}.step(base, failing(w)), std::runtime_error);
  CHECK_FALSE(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  CHECK_THROWS_AS(robust({v}, 0.1).step(failing(v)), std::runtime_error);
  CHECK(problems::same_bits(v, leaf({1, 2})));
}

TEST_CASE("weights: at rate 0 no perturbation stays behind", "[restore][defects][defect-9]") {
  auto w = leaf({1, 2});
  auto base = plain({w}, 0.0);
  NaiveSam never{{w}};
  square_loss(w)();
  never.first_step();
  base.step();
  CHECK_FALSE(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  auto optimizer = robust({v}, 0.0);
  for (int step = 0; step < 5; ++step) optimizer.step(square_loss(v));
  CHECK(problems::same_bits(v, leaf({1, 2})));
}
