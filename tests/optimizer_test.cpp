// SPDX-License-Identifier: MIT
// wrap() and step() over any base optimizer.
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

/// Steps of a recipe over one domain, and of the bare base optimizer, from the same start.
template <class Base, class Recipe>
bool equals_base(Recipe recipe, at::ScalarType type, int steps = 6) {
  Network robust(1, type);
  Network plain(1, type);
  auto optimizer = roga::wrap<typename Base::Type>(recipe, robust.parameters(), Base::options());
  typename Base::Type base(plain.parameters(), Base::options());
  bool same = true;
  for (int step = 0; step < steps; ++step) {
    const auto loss = optimizer.step(robust.closure(0));
    const auto plain_loss = base.step(plain.closure(0));
    same = same && problems::same_bits(loss, plain_loss) &&
           problems::same_bits(robust.parameters(), plain.parameters());
  }
  return same;
}

}  // namespace

TEMPLATE_TEST_CASE("step: with radius 0 equals the base optimizer bit for bit",
                   "[optimizer][invariant]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    CHECK(equals_base<TestType>(recipes::erm(), type));
    CHECK(equals_base<TestType>(recipes::sam({.rho = 0}), type));
    CHECK(equals_base<TestType>(recipes::asam({.rho = 0}), type));
    CHECK(equals_base<TestType>(recipes::sagm({.rho = 0, .alpha = 0}), type));
    CHECK(equals_base<TestType>(recipes::roga({.rho = 0, .alpha = 0}), type));
    CHECK(equals_base<TestType>(recipes::roga_pooled({.rho = 0, .alpha = 0}), type));
    CHECK_FALSE(equals_base<TestType>(recipes::sam({.rho = 0.1}), type));
  }
}

TEMPLATE_TEST_CASE("step: with radius 0 equals the base optimizer over a thousand steps",
                   "[optimizer][invariant]", bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad,
                   bases::RmsProp, bases::Lbfgs) {
  constexpr int steps = 1000;
  CHECK(equals_base<TestType>(recipes::erm(), at::kFloat, steps));
  CHECK(equals_base<TestType>(recipes::sam({.rho = 0}), at::kFloat, steps));
  CHECK(equals_base<TestType>(recipes::roga({.rho = 0, .alpha = 0}), at::kFloat, steps));
}

TEST_CASE("step: with radius 0 the mean over domains keeps its bits", "[optimizer][invariant]") {
  for (const std::int64_t domains : {2, 3, 5}) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      Network plain(domains, type);
      auto erm = roga::wrap<torch::optim::SGD>(recipes::erm(), plain.parameters(),
                                               torch::optim::SGDOptions(0.1));
      auto run = [&](auto recipe) {
        Network net(domains, type);
        auto optimizer =
            roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
        for (int step = 0; step < 4; ++step) optimizer.step(net.closures());
        return problems::copy(net.parameters());
      };
      for (int step = 0; step < 4; ++step) erm.step(plain.closures());
      CHECK(problems::same_bits(run(recipes::sam({.rho = 0})), plain.parameters()));
      CHECK(problems::same_bits(run(recipes::roga({.rho = 0, .alpha = 0})), plain.parameters()));
      CHECK(problems::same_bits(run(recipes::roga_pooled({.rho = 0, .alpha = 0})),
                                plain.parameters()));
    }
  }
}

TEST_CASE("step: a loss of exactly 0 is no failure", "[optimizer][defects][defect-10]") {
  const auto decaying = torch::optim::SGDOptions(0.1).weight_decay(0.5);
  auto zero = [](const at::Tensor& w) {
    return [w] {
      auto loss = (w * 0).sum();
      loss.backward();
      return loss;
    };
  };
  auto w = leaf({1, 2});
  Sgd base({w}, decaying);
  if (zero(w)().item<double>() != 0) base.step();  // what the naive guard does
  CHECK(problems::same_bits(w, leaf({1, 2})));

  auto v = leaf({1, 2});
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), Parameters{v}, decaying);
  optimizer.step(zero(v));
  CHECK(v[0].item<double>() == Approx(0.95));
}

TEST_CASE("wrap: schedulers and parameter groups of the base work", "[optimizer]") {
  Network net(1);
  Network plain(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam({.rho = 0}), net.parameters(),
                                                 torch::optim::SGDOptions(0.1).momentum(0.9));
  torch::optim::SGD base(plain.parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  auto extra = torch::ones({3}, at::kDouble).requires_grad_();
  auto extra_plain = torch::ones({3}, at::kDouble).requires_grad_();
  auto group = [](const at::Tensor& parameter) {
    return torch::optim::OptimizerParamGroup({parameter},
                                             std::make_unique<torch::optim::SGDOptions>(0.5));
  };
  optimizer.add_param_group(group(extra));
  base.add_param_group(group(extra_plain));
  torch::optim::StepLR schedule(optimizer, 2, 0.1);
  torch::optim::StepLR plain_schedule(base, 2, 0.1);
  auto step = [](torch::optim::Optimizer& any, Network& network, at::Tensor& more) {
    any.step([&] {
      any.zero_grad();
      auto loss = network.loss(0) + more.square().sum();
      loss.backward();
      return loss;
    });
  };
  for (int i = 0; i < 5; ++i) {
    step(optimizer, net, extra);
    step(base, plain, extra_plain);
    schedule.step();
    plain_schedule.step();
  }
  CHECK(problems::same_bits(net.parameters(), plain.parameters()));
  CHECK(problems::same_bits(extra, extra_plain));
}

TEST_CASE("wrap: a parameter listed twice trains as the base trains it", "[optimizer]") {
  auto trained = [](bool in_two_groups, auto&& make) {
    auto w = leaf({1, -2});
    std::vector<torch::optim::OptimizerParamGroup> groups;
    if (in_two_groups) {
      groups.emplace_back(Parameters{w});
      groups.emplace_back(Parameters{w});
    } else {
      groups.emplace_back(Parameters{w, w});
    }
    auto optimizer = make(groups);
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        optimizer.zero_grad();
        auto loss = (w * w).sum() + (w * w * w * w).sum();
        loss.backward();
        return loss;
      });
    }
    return w.detach().clone();
  };
  const torch::optim::SGDOptions options(.01);
  for (const bool in_two_groups : {false, true}) {
    const auto plain = trained(in_two_groups, [&](auto groups) { return Sgd(groups, options); });
    auto robust = [&](auto how) {
      return trained(in_two_groups,
                     [&](auto groups) { return roga::wrap<Sgd>(how, groups, options); });
    };
    CHECK(problems::same_bits(robust(recipes::sam({.rho = 0})), plain));
    CHECK_FALSE(problems::same_bits(plain, leaf({1, -2}).detach()));
    // The ascent is made: at radius .5 the gradient is another one.
    CHECK(problems::deviation({robust(recipes::sam({.rho = .5}))}, {plain}) > 1e-2);
  }
}

TEST_CASE("wrap: an optimizer without parameters steps", "[optimizer]") {
  auto steps = [](auto how) {
    auto optimizer = roga::wrap<Sgd>(how, Parameters{}, torch::optim::SGDOptions(0.1));
    return optimizer.step([] { return torch::full({}, 2.0); }).template item<double>();
  };
  CHECK(steps(recipes::erm()) == 2);
  CHECK(steps(recipes::sam()) == 2);
  CHECK(steps(recipes::roga()) == 2);
}

TEST_CASE("hyper-parameters: a value outside its range is refused by name", "[optimizer]") {
  problems::Quadratics problem;
  const std::vector<at::Tensor> parameters{problem.w};
  const torch::optim::SGDOptions options(0.1);
  CHECK_THROWS_WITH(roga::wrap<torch::optim::SGD>(recipes::sam({.rho = -1}), parameters, options),
                    ContainsSubstring("rho must be finite and not negative, got -1"));
  CHECK_THROWS_WITH(roga::wrap<torch::optim::SGD>(recipes::asam({.eta = -2}), parameters, options),
                    ContainsSubstring("eta"));
  CHECK_THROWS_WITH(
      roga::wrap<torch::optim::SGD>(recipes::roga({.w_gen = INFINITY}), parameters, options),
      ContainsSubstring("w_gen"));
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), parameters, options);
  optimizer.perturbation().rho = NAN;
  const auto before = problem.w.detach().clone();
  CHECK_THROWS_AS(optimizer.step(problem.closures()), c10::Error);
  CHECK(problems::same_bits(problem.w, before));
}

namespace {

struct SecondPoint {
  static constexpr roga::Reads reads = roga::Reads::captured;
  roga::Combination direction(const roga::Step&) const { return roga::captured(1); }
};
struct SumOfAll {
  static constexpr roga::Reads reads = roga::Reads::domains;
  at::Tensor combine(std::span<const at::Tensor> rows) const { return rows.front().sum(); }
};
struct NoTensor {
  static constexpr roga::Reads reads = roga::Reads::domains;
  at::Tensor combine(std::span<const at::Tensor>) const { return {}; }
};

}  // namespace

TEST_CASE("recipe: a composition that does not fit is told what is missing", "[optimizer]") {
  problems::Quadratics problem;
  const auto start = problem.w.detach().clone();
  auto says = [&](auto how, std::size_t domains, int steps = 1) {
    auto optimizer = roga::wrap<Sgd>(how, Parameters{problem.w}, torch::optim::SGDOptions(0.0));
    std::vector<std::size_t> which(domains);
    for (std::size_t k = 0; k < domains; ++k) which[k] = k;
    const std::string text = message_of([&] {
      for (int step = 0; step < steps; ++step) optimizer.step(problem.closures(which));
    });
    CHECK(problems::same_bits(problem.w, start));
    return text;
  };
  CHECK_THAT(
      says(roga::recipe(roga::GradientNormAscent{}, roga::OwnDomain{}, roga::GradientNormDescent{}),
           1),
      ContainsSubstring("evaluates domain 1 at point 1 of a step with 1 domains"));
  CHECK_THAT(says(roga::recipe(roga::NoPerturbation{}, roga::Pooled{},
                               roga::PcGrad<roga::Over::captured>{}),
                  2),
             ContainsSubstring("a perturbation that has points in every step"));
  CHECK_THAT(says(roga::recipe(roga::Every<roga::NormalizedAscent>{{.rho = .1}, 3}, roga::Pooled{},
                               roga::CapturedGradient{}),
                  2, 2),
             ContainsSubstring("captured_mean, which this step does not have: it has evaluated 0 "
                               "points"));
  CHECK_THAT(
      says(roga::recipe(roga::NormalizedAscent{.rho = .1}, roga::Pooled{}, SecondPoint{}), 2),
      ContainsSubstring("captured(1), which this step does not have: it has evaluated 1 "
                        "points"));
  CHECK_THAT(says(roga::recipe(roga::NoPerturbation{}, roga::Pooled{}, SumOfAll{}), 2),
             ContainsSubstring("combine() returned a tensor of Double[] for parameter 0 (counted "
                               "from 0), whose gradients are of Double["));
  CHECK_THAT(says(roga::recipe(roga::NoPerturbation{}, roga::Pooled{}, NoTensor{}), 2),
             ContainsSubstring("combine() returned no tensor for parameter 0"));
  CHECK_THAT(
      says(roga::recipe(roga::MomentumAscent{}, roga::OwnDomain{}, roga::CapturedGradient{}), 2),
      ContainsSubstring("evaluated 1 of 2 domains"));
  // Nobody knows how many losses a shared forward has before it has run.
  auto walks = roga::wrap<Sgd>(
      roga::recipe(roga::MomentumAscent{}, roga::NextDomain{}, roga::CapturedGradient{}),
      Parameters{problem.w}, torch::optim::SGDOptions(0.0));
  CHECK_THAT(
      message_of([&] { walks.step(roga::SharedForward{[&] { return problem.w.clone(); }}); }),
      ContainsSubstring("NextDomain needs the number of domains before the first pass"));
}
