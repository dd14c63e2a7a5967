// SPDX-License-Identifier: MIT
#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/calls.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
namespace recipes = roga::recipes;

namespace {

/// Steps of a recipe over one domain, and of the bare base optimizer, from the same start.
template <class Base, class Recipe>
bool equals_base(Recipe recipe, at::ScalarType type) {
  Network robust(1, type);
  Network plain(1, type);
  auto optimizer = roga::wrap<typename Base::Type>(recipe, robust.parameters(), Base::options());
  typename Base::Type base(plain.parameters(), Base::options());
  bool same = true;
  for (int step = 0; step < 6; ++step) {
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

TEST_CASE("step: returns the mean loss at the unperturbed weights, detached", "[optimizer]") {
  Network net(3);
  const double expected = (net.loss(0) + net.loss(1) + net.loss(2)).item<double>() / 3;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga({.rho = 0.5}), net.parameters(),
                                                 torch::optim::SGDOptions(0.1));
  const auto loss = optimizer.step(net.closures());
  CHECK(loss.item<double>() == Approx(expected).epsilon(1e-14));
  CHECK_FALSE(loss.requires_grad());
}

TEST_CASE("step: without a closure says what to write", "[optimizer]") {
  Network net(1);
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), net.parameters(),
                                                 torch::optim::SGDOptions(0.1));
  CHECK_THROWS_WITH(optimizer.step(), ContainsSubstring("optimizer.step([&]"));
  CHECK_THROWS_AS(optimizer.step(std::vector<roga::LossClosure>{}), c10::Error);
  CHECK_THROWS_WITH(optimizer.step([] { return torch::zeros({2}); }),
                    ContainsSubstring("2 elements"));
}

TEST_CASE("step: an empty closure is a domain without data", "[optimizer]") {
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

TEST_CASE("step: a shared forward equals one closure per domain", "[optimizer]") {
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

TEST_CASE("step: permuting the domains changes rounding only", "[optimizer][invariant]") {
  auto run = [](auto recipe, const std::vector<std::size_t>& order) {
    problems::Quadratics problem;
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                   torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 5; ++step) optimizer.step(problem.closures(order));
    return std::vector<at::Tensor>{problem.w.detach()};
  };
  auto invariant = [&](auto recipe) {
    const auto expected = run(recipe, {0, 1, 2});
    return problems::deviation(run(recipe, {2, 0, 1}), expected) < 1e-13 &&
           problems::deviation(run(recipe, {1, 0, 2}), expected) < 1e-13;
  };
  CHECK(invariant(recipes::erm()));
  CHECK(invariant(recipes::sam()));
  CHECK(invariant(recipes::asam()));
  CHECK(invariant(recipes::sagm()));
  CHECK(invariant(recipes::gac_fas()));
  CHECK(invariant(recipes::roga()));
  CHECK(invariant(recipes::roga_pooled()));
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

TEST_CASE("wrap: an optimizer chosen at run time behaves the same", "[optimizer]") {
  Network a(3);
  Network b(3);
  auto fixed = roga::wrap<torch::optim::AdamW>(recipes::roga(), a.parameters(),
                                               torch::optim::AdamWOptions(0.01));
  std::unique_ptr<torch::optim::Optimizer> chosen =
      std::make_unique<torch::optim::AdamW>(b.parameters(), torch::optim::AdamWOptions(0.01));
  auto late = roga::wrap(std::move(chosen), recipes::roga());
  torch::optim::StepLR schedule(late.inner(), 2, 0.1);
  torch::optim::StepLR same_schedule(fixed, 2, 0.1);
  for (int step = 0; step < 5; ++step) {
    fixed.step(a.closures());
    late.step(b.closures());
    schedule.step();
    same_schedule.step();
  }
  CHECK(problems::same_bits(a.parameters(), b.parameters()));
  CHECK_THROWS_AS(roga::wrap(std::unique_ptr<torch::optim::Optimizer>(), recipes::sam()),
                  c10::Error);
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

TEST_CASE("last_step: counts evaluations and tells whether an ascent ran", "[optimizer][report]") {
  problems::Quadratics problem;
  auto evaluations = [&](auto recipe) {
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                                   torch::optim::SGDOptions(0.0));
    optimizer.step(problem.closures());
    CHECK(optimizer.last_step().ascended() == (optimizer.last_step().evaluations() > 3));
    return optimizer.last_step().evaluations();
  };
  CHECK(evaluations(recipes::erm()) == 3);
  CHECK(evaluations(recipes::sam()) == 6);
  CHECK(evaluations(recipes::roga()) == 6);
  CHECK(evaluations(recipes::roga_pooled()) == 12);
}

TEST_CASE("last_step: norms, radii and cosines match the rows", "[optimizer][report]") {
  problems::Quadratics problem;
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga({.rho = .1, .alpha = 0}),
                                                 std::vector<at::Tensor>{problem.w},
                                                 torch::optim::SGDOptions(0.1));
  optimizer.diagnose(true);
  optimizer.step(problem.closures());
  const auto& report = optimizer.last_step();
  // g_0 = (-.8, -.55), g_1 = (.52, 1.59), g_2 = (1.35, -.7)
  CHECK(report.losses()[1] == Approx(.659));
  CHECK(report.ascent_norms()[0] == Approx(std::sqrt(.9425)));
  CHECK(report.radii() == std::vector<double>{.1, .1, .1});
  CHECK(report.domain_cosines()[0][1] == Approx(-1.2905 / std::sqrt(.9425 * 2.7985)));
  CHECK(report.direction_norm() == Approx(problem.w.grad().norm().item<double>()));
  REQUIRE(report.cosine().has_value());
  CHECK(*report.cosine() > .9);
}

TEST_CASE("sam makes at most 20 calls where one serves all tensors", "[optimizer][device]") {
  if (!roga::detail::has_multi_tensor_calls) return;
  std::vector<at::Tensor> parameters;
  for (int i = 0; i < 50; ++i) parameters.push_back(torch::randn({3}).requires_grad_());
  const auto loss = torch::zeros({});
  auto closure = [&] {
    for (auto& parameter : parameters) parameter.mutable_grad() = parameter.detach().clone();
    return loss;
  };
  torch::optim::SGD base(parameters, torch::optim::SGDOptions(0.1));
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::sam(), parameters, torch::optim::SGDOptions(0.1));
  const auto calls = support::dispatcher_calls([&] {
    const support::AsOnAccelerator arithmetic;
    optimizer.step(closure);
  });
  const auto of_passes = support::dispatcher_calls([&] {
    for (int pass = 0; pass < 2; ++pass) closure();
    base.step();
  });
  CHECK(calls - of_passes <= 20);
  CHECK(calls - of_passes > 5);
}

TEST_CASE("a metric's product that takes the gradient's place changes no bit", "[optimizer]") {
  // diagnose(true) keeps the gradients, so that the product is made anew for the move.
  auto run = [](bool keeps, auto recipe) {
    Network net(3);
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
    optimizer.diagnose(keeps);
    for (int step = 0; step < 3; ++step) optimizer.step(net.closures());
    return problems::copy(net.parameters());
  };
  const auto same = [&](auto recipe) {
    return problems::same_bits(run(true, recipe), run(false, recipe));
  };
  CHECK(same(recipes::asam()));
  CHECK(same(recipes::fisher_sam()));
  // Several points: what was captured at the first ones outlives the last move.
  using Ascent = roga::DomainAscentIn<roga::AbsoluteParameter>;
  CHECK(same(roga::Recipe<Ascent, roga::OwnDomain, roga::CapturedGradient>{{.rho = .5}, {}, {}}));
}
