// SPDX-License-Identifier: MIT
// A step that fails leaves no trace, whatever base optimizer it is of.
#include <stdexcept>

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

TEMPLATE_TEST_CASE("phases: a base that evaluates twice or moves first is refused and undone",
                   "[restore][phases]", Extragradient, LookAhead) {
  auto check = [](auto recipe) {
    const auto options = torch::optim::SGDOptions(.1).momentum(.9);
    Network net(1);
    Network twin(1);
    auto optimizer = roga::wrap<TestType>(recipe, net.parameters(), options);
    auto untouched = roga::wrap<TestType>(recipe, twin.parameters(), options);
    optimizer.step(net.closure(0));
    untouched.step(twin.closure(0));
    const auto before = problems::copy(net.parameters());
    {
      auto step = optimizer.phases();
      while (step.ascend(net.closure(0)())) {
      }
      CHECK_THROWS_WITH(step.descend(), ContainsSubstring("use step(closure) instead of phases()"));
    }
    CHECK(problems::same_bits(net.parameters(), before));
    optimizer.step(net.closure(0));  // what the recipe remembers is as before, too
    untouched.step(twin.closure(0));
    CHECK(optimizer.last_step().step() == untouched.last_step().step());
    CHECK(problems::same_bits(net.parameters(), twin.parameters()));
  };
  check(recipes::fsam());
  check(recipes::msam());
  check(recipes::looksam());
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
