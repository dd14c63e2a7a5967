// SPDX-License-Identifier: MIT
// Optimizers chosen at run time, and optimizers of the user's own.
#include <memory>
#include <sstream>
#include <stdexcept>

#include "support/bases.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Parameters;
using support::message_of;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// A base of a user's own whose options know neither a learning rate nor serialize().
struct OwnOptions : torch::optim::OptimizerCloneableOptions<OwnOptions> {};
class OwnBase : public torch::optim::Optimizer {
 public:
  explicit OwnBase(Parameters parameters, int evaluations = 1)
      : Optimizer(std::move(parameters), std::make_unique<OwnOptions>()),
        evaluations_(evaluations) {}
  at::Tensor step(LossClosure closure) override {
    at::Tensor loss;
    for (int i = 0; i < evaluations_; ++i) {
      {
        const c10::AutoGradMode enable(true);
        loss = closure();
      }
      const c10::NoGradGuard no_grad;
      for (auto& parameter : param_groups()[0].params()) parameter.sub_(parameter.grad(), 0.1);
    }
    return loss;
  }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  int evaluations_;
};

}  // namespace

TEMPLATE_TEST_CASE("wrap: an optimizer chosen at run time gives the bits of one chosen before",
                   "[optimizer]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  using Base = typename TestType::Type;
  // All that a program does with an optimizer, by a reference that knows no wrapper.
  auto train = [](torch::optim::Optimizer& optimizer, Network& net) {
    torch::optim::StepLR schedule(optimizer, 2, 0.1);
    auto grown = leaf({.3, -.2});
    auto steps = [&](int count) {
      for (int step = 0; step < count; ++step) {
        optimizer.step([&] {
          optimizer.zero_grad();
          CHECK(optimizer.param_groups()[0].params().size() == 4);
          auto loss = net.loss(0) + (net.loss(1) - grown.prod()).square();
          loss.backward();
          return loss;
        });
        schedule.step();
      }
    };
    steps(3);
    // LibTorch's LBFGS has one group, and its Adagrad forgets the states of later ones.
    if (!std::is_same_v<TestType, bases::Lbfgs> && !std::is_same_v<TestType, bases::Adagrad>) {
      optimizer.defaults().set_lr(0.03);
      optimizer.add_param_group(torch::optim::OptimizerParamGroup(Parameters{grown}));
      CHECK(optimizer.param_groups().at(1).options().get_lr() == 0.03);
      optimizer.param_groups()[0].options().set_lr(0.02);
      steps(3);
      CHECK(optimizer.param_groups()[1].options().get_lr() < 0.03);
    }
    return grown;
  };
  Network a(2);
  Network b(2);
  auto fixed = roga::wrap<Base>(recipes::sam(), a.parameters(), TestType::options());
  auto late =
      roga::wrap(std::make_unique<Base>(b.parameters(), TestType::options()), recipes::sam());
  CHECK(problems::same_bits(train(fixed, a), train(late, b)));
  CHECK(problems::same_bits(a.parameters(), b.parameters()));
  CHECK(late.state().size() == fixed.state().size());
  CHECK(late.defaults().get_lr() == fixed.defaults().get_lr());
  CHECK(late.template holds_exactly<Base>());
}

TEMPLATE_TEST_CASE("wrap: files go between optimizers chosen at run time, before, and plain ones",
                   "[optimizer][serialize]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  using Base = typename TestType::Type;
  auto step = [](auto& optimizer, Network& net, int count) {
    for (int i = 0; i < count; ++i) optimizer.step(net.closure(0));
  };
  Network net(1);
  auto late_over = [](const Network& other) {
    return roga::wrap(std::make_unique<Base>(other.parameters(), TestType::options()),
                      recipes::sam({.rho = 0}));
  };
  auto whole = late_over(net);
  step(whole, net, 2);
  whole.param_groups()[0].options().set_lr(0.007);
  std::stringstream file;
  torch::save(std::as_const(whole), file);
  CHECK(whole.param_groups()[0].params().size() == 4);
  const std::string bytes = file.str();
  const auto weights = problems::copy(net.parameters());
  step(whole, net, 2);

  auto resumed = [&](auto make) {
    Network other(1);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const torch::NoGradGuard no_grad;
      other.parameters()[i].copy_(weights[i]);
    }
    auto optimizer = make(other);
    std::istringstream stream(bytes);
    torch::load(optimizer, stream);
    optimizer.param_groups()[0].options().set_lr(0.007);  // plain ones of LibTorch 1.13 forget it
    step(optimizer, other, 2);
    return problems::copy(other.parameters());
  };
  const auto expected = problems::copy(net.parameters());
  CHECK(problems::same_bits(resumed(late_over), expected));
  CHECK(problems::same_bits(resumed([](const Network& other) {
                              return roga::wrap<Base>(recipes::sam({.rho = 0}), other.parameters(),
                                                      TestType::options());
                            }),
                            expected));
  CHECK(problems::same_bits(
      resumed([](const Network& other) { return Base(other.parameters(), TestType::options()); }),
      expected));
}

TEMPLATE_TEST_CASE("wrap: a closure that throws leaves an optimizer chosen at run time whole",
                   "[optimizer][restore]", bases::Sgd, bases::Adam, bases::Lbfgs, OwnBase) {
  auto w = leaf({1, 2});
  auto base = [&]() -> std::unique_ptr<torch::optim::Optimizer> {
    if constexpr (std::is_same_v<TestType, OwnBase>) {
      return std::make_unique<OwnBase>(Parameters{w}, 2);
    } else {
      return std::make_unique<typename TestType::Type>(Parameters{w}, TestType::options());
    }
  };
  auto optimizer = roga::wrap(base(), recipes::sam());
  const auto square = [&] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  optimizer.step(square);
  const auto states = optimizer.state().size();
  const auto* options = &optimizer.param_groups()[0].options();
  for (const int good : {0, 1, 3}) {
    const auto before = w.detach().clone();
    int calls = 0;
    auto fails = [&] {
      if (calls++ == good) throw std::runtime_error("no batch");
      CHECK(optimizer.param_groups().size() == 1);
      return square();
    };
    const bool long_enough =
        good < 2 || std::is_same_v<TestType, bases::Lbfgs> || std::is_same_v<TestType, OwnBase>;
    if (long_enough) CHECK_THROWS_WITH(optimizer.step(fails), "no batch");
    if (long_enough) CHECK(problems::same_bits(w, before));
    CHECK(optimizer.state().size() == states);
    REQUIRE(optimizer.param_groups().size() == 1);
    CHECK(&optimizer.param_groups()[0].options() == options);
    CHECK(&optimizer.defaults() != options);
  }
  const auto before = w.detach().clone();
  optimizer.step(square);
  CHECK_FALSE(problems::same_bits(w, before));
}

TEMPLATE_TEST_CASE("wrap: an optimizer chosen at run time steps in phases", "[optimizer]",
                   bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad, bases::RmsProp) {
  using Base = typename TestType::Type;
  Network a(2);
  Network b(2);
  auto late = [](const Network& net) {
    return roga::wrap(std::make_unique<Base>(net.parameters(), TestType::options()),
                      recipes::roga());
  };
  auto closures = late(a);
  auto phased = late(b);
  for (int i = 0; i < 3; ++i) {
    closures.step(a.closures());
    auto step = phased.phases({0, 1});
    auto loss = b.closure(step.domain())();
    while (step.ascend(loss)) loss = b.closure(step.domain())();
    step.descend();
  }
  CHECK(problems::same_bits(a.parameters(), b.parameters()));
}

TEST_CASE("wrap: phases of an LBFGS chosen at run time are refused", "[optimizer][message]") {
  struct OwnLbfgs : torch::optim::LBFGS {
    using LBFGS::LBFGS;
  };
  Network net(1);
  auto refused = [&](std::unique_ptr<torch::optim::Optimizer> base) {
    auto optimizer = roga::wrap(std::move(base), recipes::sam());
    CHECK_THAT(message_of([&] { optimizer.phases(); }), ContainsSubstring("LBFGS evaluates"));
    CHECK(optimizer.template holds<torch::optim::LBFGS>());
    optimizer.step(net.closure(0));
    CHECK(optimizer.state().size() == 1);
  };
  refused(std::make_unique<torch::optim::LBFGS>(net.parameters()));
  refused(std::make_unique<OwnLbfgs>(net.parameters()));
  auto fixed = roga::wrap<torch::optim::LBFGS>(recipes::sam(), net.parameters());
  CHECK_THAT(message_of([&] { fixed.phases(); }), ContainsSubstring("LBFGS evaluates"));
}

TEST_CASE("wrap: a wrapped optimizer is an optimizer chosen at run time, too", "[optimizer]") {
  auto check = [](auto inner_recipe, bool late) {
    Network a(1);
    Network b(1);
    const auto options = bases::Sgd::options();
    auto alone = roga::wrap<Sgd>(inner_recipe, a.parameters(), options);
    std::unique_ptr<torch::optim::Optimizer> inner;
    if (late) {
      using Inner = decltype(roga::wrap(std::unique_ptr<torch::optim::Optimizer>(), inner_recipe));
      inner = std::make_unique<Inner>(inner_recipe, std::make_unique<Sgd>(b.parameters(), options));
    } else {
      inner = std::make_unique<decltype(alone)>(inner_recipe, b.parameters(), options);
    }
    auto outer = roga::wrap(std::move(inner), recipes::erm());
    for (int step = 0; step < 3; ++step) {
      alone.step(a.closure(0));
      outer.step(b.closure(0));
    }
    CHECK(problems::same_bits(a.parameters(), b.parameters()));
    CHECK(outer.state().size() == 4);
    CHECK_THROWS_AS(outer.step([]() -> at::Tensor { throw std::runtime_error("no batch"); }),
                    std::runtime_error);
    CHECK(problems::same_bits(a.parameters(), b.parameters()));
    std::ostringstream file;
    CHECK_THAT(message_of([&] { torch::save(outer, file); }), ContainsSubstring("wrapped twice"));
    CHECK(outer.param_groups()[0].params().size() == 4);
  };
  check(recipes::sam(), false);
  check(recipes::sam(), true);
  check(recipes::fsam(), false);
}

TEST_CASE("wrap: what was attached to an optimizer before it was wrapped says so", "[optimizer]") {
  CHECK_THAT(
      message_of([] { roga::wrap(std::unique_ptr<torch::optim::Optimizer>(), recipes::sam()); }),
      ContainsSubstring("null optimizer"));
  auto check = [](auto base) {
    torch::optim::Optimizer& before = *base;
    torch::optim::StepLR schedule(before, 1, 0.1);
    auto optimizer = roga::wrap(std::move(base), recipes::sam());
    CHECK_THROWS_AS(schedule.step(), c10::Error);
    CHECK_THROWS_AS(before.param_groups().at(0).options().set_lr(1), c10::Error);
    CHECK(before.state().empty());
    auto moved = std::move(optimizer);
    torch::optim::StepLR(moved, 1, 0.1).step();
    CHECK(moved.param_groups().at(0).params().size() == 1);
  };
  auto w = leaf({1});
  check(std::make_unique<Sgd>(Parameters{w}, torch::optim::SGDOptions(.1)));
  check(std::make_unique<torch::optim::Adagrad>(Parameters{w}));
  check(std::make_unique<torch::optim::LBFGS>(Parameters{w}));
}

TEST_CASE("wrap: an optimizer chosen at run time has what LibTorch deprecates", "[optimizer]") {
  auto w = leaf({1});
  auto v = leaf({2});
  auto check = [&](std::unique_ptr<torch::optim::Optimizer> base) {
    auto optimizer = roga::wrap(std::move(base), recipes::sam());
    CHECK(optimizer.size() == 1);
    optimizer.add_parameters({v});
    CHECK(optimizer.size() == 2);
    CHECK(optimizer.parameters()[1].is_same(v));
    const auto before = v.detach().clone();
    optimizer.step([&] {
      auto loss = (w * v).square().sum();
      loss.backward();
      return loss;
    });
    CHECK_FALSE(problems::same_bits(v, before));
  };
  check(std::make_unique<Sgd>(Parameters{w}, torch::optim::SGDOptions(.1)));
  check(std::make_unique<torch::optim::RMSprop>(Parameters{w}));
  check(std::make_unique<torch::optim::LBFGS>(Parameters{w}));
}

TEST_CASE("wrap: a base without defaults, options or clone() works", "[optimizer][serialize]") {
  struct Momentum : torch::optim::OptimizerParamState {
    at::Tensor value;
  };
  struct Options : torch::optim::OptimizerOptions {};
  /// Fills its groups by itself, and counts its steps where it evaluates.
  struct Bare : torch::optim::Optimizer {
    Bare(const Parameters& parameters, std::unique_ptr<torch::optim::OptimizerOptions> options)
        : Optimizer(std::vector<torch::optim::OptimizerParamGroup>{}, nullptr) {
      param_groups_.reserve(1);
      param_groups_.emplace_back(parameters, std::move(options));
    }
    at::Tensor step(LossClosure closure) override {
      auto& group = param_groups_.at(0);
      at::Tensor loss;
      for (auto& own : param_groups_) {
        const c10::AutoGradMode enable(true);
        loss = closure();
        const c10::NoGradGuard no_grad;
        for (auto& p : group.params())
          p.sub_(p.grad(), 0.1 * static_cast<double>(own.params().size()));
      }
      for (auto& p : group.params()) {
        auto state = std::make_unique<Momentum>();
        state->value = p.grad();
        state_[roga::detail::state_key(state_, p)] = std::move(state);
      }
      return loss;
    }
    void save(torch::serialize::OutputArchive& archive) const override {
      archive.write("size", c10::IValue(static_cast<std::int64_t>(state_.size())));
    }
  };
  auto steps = [](auto& optimizer, const at::Tensor& w) {
    for (int i = 0; i < 2; ++i) {
      optimizer.step([&] {
        auto loss = w.square().sum();
        loss.backward();
        return loss;
      });
    }
    CHECK(optimizer.state().size() == 1);
  };
  for (const bool with_options : {false, true}) {
    auto options = [&]() -> std::unique_ptr<torch::optim::OptimizerOptions> {
      if (with_options) return std::make_unique<Options>();
      return nullptr;
    };
    auto a = leaf({1, 2});
    auto b = leaf({1, 2});
    auto fixed = roga::wrap<Bare>(recipes::sam(), Parameters{a}, options());
    auto late = roga::wrap(std::make_unique<Bare>(Parameters{b}, options()), recipes::sam());
    steps(fixed, a);
    steps(late, b);
    CHECK(problems::same_bits(a, b));
    std::stringstream file;
    if (with_options) {  // LibTorch says what a group's options have to have
      CHECK_THAT(message_of([&] { torch::save(late, file); }), ContainsSubstring("clone()"));
    } else {
      torch::save(late, file);
      torch::load(late, file);
      std::stringstream other;
      torch::save(fixed, other);
      torch::load(fixed, other);
    }
    CHECK(late.param_groups().at(0).params().size() == 1);
    CHECK_THAT(message_of([&] { late.add_param_group({Parameters{a}}); }),
               ContainsSubstring("defaults_"));
  }
}

TEST_CASE("wrap: an optimizer chosen at run time has groups and gradients", "[optimizer]") {
  auto w = leaf({1});
  auto v = leaf({2});
  auto optimizer = roga::wrap(std::unique_ptr<torch::optim::Optimizer>(std::make_unique<Sgd>(
                                  Parameters{w}, torch::optim::SGDOptions(.1))),
                              recipes::sam());
  optimizer.add_param_group(torch::optim::OptimizerParamGroup(Parameters{v}));
  CHECK(optimizer.param_groups().size() == 2);
  w.mutable_grad() = torch::ones({1}, at::kDouble);
  optimizer.zero_grad();
  CHECK((!w.grad().defined() || w.grad().item<double>() == 0));
  optimizer.step([&] {
    auto loss = (w * v).sum();
    loss.backward();
    return loss;
  });
  CHECK(v.item<double>() < 2);
  CHECK_THAT(message_of([&] { optimizer.group_radius(7, 2); }),
             ContainsSubstring("group 7 of an optimizer with 2"));

  // Groups in braces, as the base takes them.
  using Group = torch::optim::OptimizerParamGroup;
  auto grouped = roga::wrap<Sgd>(recipes::sam(), {Group(Parameters{w}), Group(Parameters{v})},
                                 torch::optim::SGDOptions(.1));
  CHECK(grouped.param_groups().size() == 2);
}

TEST_CASE("wrap: a base whose options know neither a learning rate nor serialize() works",
          "[optimizer]") {
  auto w = leaf({1, 2});
  auto closure = [&] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  auto optimizer = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  optimizer.schedule_radius(roga::schedules::linear(.1, .2, 4));
  optimizer.step(closure);
  optimizer.step(closure);
  CHECK(optimizer.last_step().radii().front() == Approx(.125));
  std::stringstream file;
  torch::save(optimizer, file);
  auto resumed = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  torch::load(resumed, file);
  resumed.schedule_radius(roga::schedules::linear(.1, .2, 4));
  resumed.step(closure);
  CHECK(resumed.last_step().radii().front() == Approx(.15));

  auto decoupled = roga::wrap<OwnBase>(recipes::wsam_decoupled(), Parameters{w});
  const auto before = w.detach().clone();
  CHECK_THAT(message_of([&] { decoupled.step(closure); }), ContainsSubstring("get_lr"));
  CHECK(problems::same_bits(w, before));

  auto twice = roga::wrap<OwnBase>(recipes::sam(), Parameters{w}, 2);
  auto step = twice.phases();
  while (step.ascend(closure())) {
  }
  CHECK_THAT(message_of([&] { step.descend(); }), ContainsSubstring("evaluates the loss several"));
}
