// SPDX-License-Identifier: MIT
// What a step leaves alone: weights, storage, buffers, base state; under exceptions and bad
// numbers.
#include <stdexcept>

#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
namespace recipes = roga::recipes;

namespace {

/// Runs `first` on its first `good` calls, then throws.
roga::LossClosure failing_after(roga::LossClosure first, int good) {
  auto calls = std::make_shared<int>(0);
  return [=] {
    if ((*calls)++ >= good) throw std::runtime_error("closure failed");
    return first();
  };
}

/// A base of a user's own that moves and evaluates a second time.
struct Extragradient : torch::optim::SGD {
  using SGD::SGD;
  at::Tensor step(LossClosure closure) override {
    closure();
    {
      const torch::NoGradGuard no_grad;
      for (auto& parameter : param_groups()[0].params()) parameter.sub_(.3 * parameter.grad());
    }
    return SGD::step(std::move(closure));
  }
};

/// A base of a user's own that moves before it evaluates.
struct LookAhead : torch::optim::SGD {
  using SGD::SGD;
  at::Tensor step(LossClosure closure) override {
    {
      const torch::NoGradGuard no_grad;
      for (auto& parameter : param_groups()[0].params()) parameter.mul_(1.01);
    }
    return SGD::step(std::move(closure));
  }
};

}  // namespace

TEMPLATE_TEST_CASE("step: a closure that throws leaves everything as it was",
                   "[restore][invariant]", bases::Sgd, bases::Adam, bases::Lbfgs) {
  auto check = [](auto recipe, int good) {
    Network net(2);
    Network twin(2);
    auto options = TestType::options();
    auto optimizer = roga::wrap<typename TestType::Type>(recipe, net.parameters(), options);
    auto untouched = roga::wrap<typename TestType::Type>(recipe, twin.parameters(), options);
    optimizer.step(net.closures());
    untouched.step(twin.closures());
    const auto before = problems::copy(net.parameters());

    auto closures = net.closures();
    closures[1] = failing_after(closures[1], good);
    CHECK_THROWS_WITH(optimizer.step(closures), "closure failed");
    CHECK(problems::same_bits(net.parameters(), before));

    optimizer.step(net.closures());  // the base state is as before, too
    untouched.step(twin.closures());
    CHECK(problems::same_bits(net.parameters(), twin.parameters()));
  };
  for (const int good : {0, 1}) {
    check(recipes::sam(), good);
    check(recipes::asam(), good);
    check(recipes::roga(), good);
    check(recipes::roga_pooled(), good);
  }
  // LBFGS evaluates again in the middle of its step.
  if (std::is_same_v<TestType, bases::Lbfgs>) check(recipes::sam(), 5);
}

TEST_CASE("step: a base that evaluates twice or moves first is undone as a whole",
          "[restore][invariant]") {
  auto check = [](auto wrapped, const auto& bad_closure) {
    Network net(1);
    Network twin(1);
    auto optimizer = wrapped(net.parameters());
    auto untouched = wrapped(twin.parameters());
    optimizer.step(net.closure(0));
    untouched.step(twin.closure(0));
    const auto before = problems::copy(net.parameters());
    bad_closure(optimizer, net);
    CHECK(problems::same_bits(net.parameters(), before));
    optimizer.step(net.closure(0));
    untouched.step(twin.closure(0));
    CHECK(problems::same_bits(net.parameters(), twin.parameters()));
  };
  auto all = [&](auto wrapped, int good) {
    check(wrapped, [&](auto& optimizer, Network& net) {
      CHECK_THROWS_WITH(optimizer.step(failing_after(net.closure(0), good)), "closure failed");
    });
    check(wrapped, [&](auto& optimizer, Network& net) {
      int call = 0;
      optimizer.step([&] {
        auto loss = net.loss(0);
        if (call++ == good) loss = loss * INFINITY;
        loss.backward();
        return loss;
      });
      CHECK(call > good);
      CHECK(optimizer.last_step().skipped());
    });
  };
  const torch::optim::SGDOptions options(.1);
  all([&](const auto& p) { return roga::wrap<Extragradient>(recipes::sam(), p, options); }, 2);
  all([&](const auto& p) { return roga::wrap<Extragradient>(recipes::sam(), p, options); }, 3);
  all([&](const auto& p) { return roga::wrap<LookAhead>(recipes::sam(), p, options); }, 1);
  all(
      [&](const auto& p) {
        return roga::wrap(std::unique_ptr<torch::optim::Optimizer>(new LookAhead(p, options)),
                          recipes::sam());
      },
      0);
}

TEST_CASE("step: a base that moves first gets the gradient of where it stands", "[restore]") {
  Network net(1);
  Network twin(1);
  const torch::optim::SGDOptions options(.1);
  auto optimizer = roga::wrap<LookAhead>(recipes::erm(), net.parameters(), options);
  LookAhead plain(twin.parameters(), options);
  for (int step = 0; step < 3; ++step) {
    optimizer.step(net.closure(0));
    plain.zero_grad();
    plain.step(twin.closure(0));
  }
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}

TEST_CASE("step: a base that calls no closure is told so", "[restore][message]") {
  struct Deaf : torch::optim::SGD {
    using SGD::SGD;
    at::Tensor step(LossClosure) override { return SGD::step(); }
  };
  Network net(1);
  auto optimizer = roga::wrap<Deaf>(recipes::erm(), net.parameters(), torch::optim::SGDOptions(.1));
  CHECK_THROWS_WITH(optimizer.step(net.closure(0)), ContainsSubstring("did not call its closure"));
}

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

TEST_CASE("step: no gradient at all, zero gradients and empty parameters do nothing",
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
  const roga::LossClosure constant = [] { return torch::ones({}); };
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

TEST_CASE("step: a loss or gradient that is not finite is skipped, raised or ignored by rule",
          "[restore][invariant]") {
  for (const int bad_call : {0, 1, 2, 3}) {
    Network net(2);
    auto optimizer = roga::wrap<torch::optim::Adam>(recipes::roga(), net.parameters(),
                                                    torch::optim::AdamOptions(0.01));
    optimizer.step(net.closures());
    const auto before = problems::copy(net.parameters());
    int call = 0;
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < 2; ++k) {
      closures.emplace_back([&, k] {
        auto loss = net.loss(k);
        if (call++ == bad_call) loss = loss * std::numeric_limits<double>::quiet_NaN();
        loss.backward();
        return loss;
      });
    }
    optimizer.step(closures);
    CHECK(optimizer.last_step().skipped());
    CHECK(problems::same_bits(net.parameters(), before));
    CHECK_FALSE(net.parameters()[0].grad().defined());

    call = 0;
    optimizer.non_finite(roga::NonFinite::raise);
    CHECK_THROWS_WITH(optimizer.step(closures), ContainsSubstring("not finite"));
    CHECK(problems::same_bits(net.parameters(), before));

    optimizer.step(net.closures());
    CHECK_FALSE(optimizer.last_step().skipped());

    call = 0;
    optimizer.non_finite(roga::NonFinite::ignore);
    optimizer.step(closures);
    CHECK(net.parameters()[0].isnan().any().item<bool>());
  }
}

TEST_CASE("step: finite gradients whose squares overflow are not skipped", "[restore]") {
  auto skips = [](auto recipe, bool as_on_accelerator) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    auto w = torch::ones({2}).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(1e-30));
    optimizer.step([&] {
      auto loss = (w * 1e30).sum();
      loss.backward();
      return loss;
    });
    const bool skipped = optimizer.last_step().skipped();
    CHECK(w[0].item<float>() == Approx(skipped ? 1 : 0).margin(1e-6));
    return skipped;
  };
  CHECK_FALSE(skips(recipes::erm(), false));
  CHECK(skips(recipes::erm(), true));   // cannot tell without another synchronisation
  CHECK(skips(recipes::sam(), false));  // there is no ascent of a length that is not known
  CHECK(skips(recipes::sam(), true));
}

TEST_CASE("step: an infinite gradient at theta is noticed where it serves nothing", "[restore]") {
  for (const bool as_on_accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    auto a = torch::ones({2}).requires_grad_();
    auto b = torch::ones({2}).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), std::vector<at::Tensor>{a, b},
                                                   torch::optim::SGDOptions(0.1));
    optimizer.ascend_only({a});
    int pass = 0;
    optimizer.step([&] {
      auto loss = (a + b).sum();
      loss.backward();
      if (++pass == 1) b.mutable_grad().fill_(INFINITY);
      return loss;
    });
    CHECK(optimizer.last_step().skipped());
    CHECK(b.equal(torch::ones({2})));
  }
}

TEST_CASE("step: LBFGS skips as a whole when its line search meets a NaN", "[restore]") {
  Network net(1);
  Network twin(1);
  auto optimizer =
      roga::wrap<torch::optim::LBFGS>(recipes::sam(), net.parameters(), bases::Lbfgs::options());
  auto untouched =
      roga::wrap<torch::optim::LBFGS>(recipes::sam(), twin.parameters(), bases::Lbfgs::options());
  optimizer.step(net.closure(0));
  untouched.step(twin.closure(0));
  const auto before = problems::copy(net.parameters());
  int call = 0;
  optimizer.step([&] {
    auto loss = net.loss(0);
    if (call++ == 4) loss = loss * INFINITY;
    loss.backward();
    return loss;
  });
  CHECK(call > 4);
  CHECK(optimizer.last_step().skipped());
  CHECK(problems::same_bits(net.parameters(), before));
  optimizer.step(net.closure(0));
  untouched.step(twin.closure(0));
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}
