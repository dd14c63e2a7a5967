// SPDX-License-Identifier: MIT
// The wider family: golden directions, identities, ordered and stateful recipes, and what wraps
// them.
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
using problems::Quadratics;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

template <class Recipe>
std::vector<double> direction(Recipe recipe, const std::vector<std::size_t>& domains = {0, 1, 2}) {
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(0.1));
  optimizer.step(problem.closures(domains));
  const auto d = problem.w.grad();
  return {d[0].item<double>(), d[1].item<double>()};
}
void check(const std::vector<double>& actual, double x, double y, double margin = 1e-9) {
  CHECK(actual[0] == Approx(x).epsilon(0).margin(margin));
  CHECK(actual[1] == Approx(y).epsilon(0).margin(margin));
}

/// Weights after a few steps, on domains in the given order.
template <class Recipe>
problems::Parameters trained(Recipe recipe, const std::vector<std::size_t>& order = {0, 1, 2},
                             int steps = 5) {
  Network net(3);
  auto optimizer = roga::wrap<Sgd>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
  std::vector<roga::LossClosure> closures;
  for (const auto k : order) closures.push_back(net.closure(k));
  for (int step = 0; step < steps; ++step) optimizer.step(closures);
  return problems::copy(net.parameters());
}
template <class First, class Second>
double between(First first, Second second) {
  return problems::deviation(trained(first), trained(second));
}

}  // namespace

TEST_CASE("family: one step on three quadratics gives the golden direction", "[family][golden]") {
  check(direction(recipes::gsam({.rho = .1, .alpha = .2})), .4691233301, .1672482711);
  check(direction(recipes::wsam({.rho = .1, .gamma = .9})), 1.3755316464, .5793444859);
  check(direction(recipes::fisher_sam({.rho = .1, .eta = .2})), .4683893415, .1654349240);
  check(direction(recipes::gam({.rho = .2, .rho_grad = .02, .a = .5, .b = .5, .gamma = .03})),
        .4877878479, .1936431585);
  check(direction(recipes::disam({.rho = .1, .lambda = .1})), .4494870043, .2161653362);
  check(direction(recipes::pcgrad({.order = {.fixed = true}})), .3965088821, .0028447718);
  check(direction(recipes::mgda()), 0, 0, 1e-6);
  check(direction(recipes::mgda(), {0, 1}), -.333761467890, .205871559633);
  check(direction(recipes::cagrad({.c = .5})), .2024719539, .0073244683, 1e-8);
  check(direction(recipes::cagrad({.c = .5, .rescale = true})), .1619775632, .0058595747, 1e-8);
  check(direction(recipes::and_mask({.tau = 1})), 0, 0);
  check(direction(recipes::fish({.beta = .05, .order = {.fixed = true}})), .3693187500,
        .1275791667);
}

namespace {

/// Directions of a first step along a given gradient and of further ones on the quadratics, with
/// the weights held in place: how a recipe uses what it remembers.
template <class Recipe>
std::vector<std::vector<double>> directions_after(Recipe recipe, double x, double y, int steps) {
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(0.0));
  const auto slope = torch::tensor({x, y}, at::kDouble);
  optimizer.step([&] {
    auto loss = problem.w.dot(slope);
    loss.backward();
    return loss;
  });
  std::vector<std::vector<double>> directions;
  for (int step = 0; step < steps; ++step) {
    optimizer.step(problem.closures());
    directions.push_back({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()});
  }
  return directions;
}
/// grad L at w + rho u(v), L the mean of the quadratics.
std::vector<double> uphill(double rho, double x, double y) {
  const Quadratics problem;
  const auto v = torch::tensor({x, y}, at::kDouble);
  const auto at_point = problem.w.detach() + rho * v / v.norm();
  auto sum = torch::zeros({2}, at::kDouble);
  for (std::size_t k = 0; k < 3; ++k) {
    sum += problem.curvatures[k].mv(at_point - problem.minima[k]) / 3;
  }
  return {sum[0].item<double>(), sum[1].item<double>()};
}

}  // namespace

TEST_CASE("family: what a recipe remembers gives the golden direction", "[family][golden]") {
  // F-SAM with m = (.2, .1); afterwards m' = .9 m + .1 g = (.2156666667, .1013333333).
  const auto friendly = directions_after(recipes::fsam({.rho = .1, .lambda = .9}), .2, .1, 2);
  check(friendly[0], .4734784330, .1326959613);
  const auto second = uphill(.1, .3566666667 - .2156666667, .1133333333 - .1013333333);
  check(friendly[1], second[0], second[1], 1e-8);
  // MSAM with v = (.3, -.2), minus sign.
  check(directions_after(recipes::msam({.rho = .1}), .3, -.2, 1)[0], .2632921336, .1909913608);
  // LookSAM's reuse step after an ascent step at the same weights.
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.rho = .1, .k = 2, .alpha = .7}),
                      std::vector<at::Tensor>{problem.w}, torch::optim::SGDOptions(0.0));
  for (int step = 0; step < 2; ++step) optimizer.step(problem.closures());
  check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()}, .2773333333,
        .3630000000);
}

TEST_CASE("family: identities between methods hold", "[family][paper]") {
  CHECK(between(recipes::gsam({.rho = .2, .alpha = 0}), recipes::sam({.rho = .2})) < 1e-14);
  CHECK(between(recipes::wsam({.rho = .2, .gamma = .5}), recipes::sam({.rho = .2})) < 1e-14);
  CHECK(between(recipes::wsam({.rho = .2, .gamma = 0}), recipes::erm()) < 1e-14);
  // With plain SGD the decoupled step along g and A (q - g) is the coupled one.
  CHECK(between(recipes::wsam_decoupled({.rho = .2, .gamma = .7}),
                recipes::wsam({.rho = .2, .gamma = .7})) < 1e-13);
  CHECK(between(recipes::fsam({.rho = .2, .sigma = 0}), recipes::sam({.rho = .2})) < 1e-14);
  CHECK(between(recipes::looksam({.rho = .2, .k = 1}), recipes::sam({.rho = .2})) < 1e-14);
  CHECK(between(recipes::roga_periodic({.rho = .2, .alpha = .05, .k = 1}),
                recipes::roga({.rho = .2, .alpha = .05, .w_erm = 0, .w_gen = 1})) < 1e-14);
  CHECK(between(recipes::fisher_sam({.rho = .2, .eta = 0}), recipes::sam({.rho = .2})) < 1e-13);
  CHECK(between(recipes::disam({.rho = .2, .lambda = 0}), recipes::sam({.rho = .2})) < 1e-13);
  CHECK(between(recipes::and_mask({.tau = 0}), recipes::erm()) < 1e-13);
  CHECK(between(recipes::cagrad({.c = 0}), recipes::erm()) < 1e-12);
  CHECK(between(recipes::vrex({.lambda = 0}), recipes::erm()) < 1e-13);
  CHECK(between(recipes::group_dro({.eta = 0}), recipes::erm()) < 1e-13);
  CHECK(between(recipes::looksam({.rho = .2, .k = 3}), recipes::sam({.rho = .2})) > 1e-6);
  CHECK(between(recipes::vrex({.lambda = 1}), recipes::erm()) > 1e-6);
}

TEST_CASE("family: equal domains leave the gradient as it is", "[family][paper]") {
  auto equal = [](auto recipe) {
    return problems::deviation(trained(recipe, {1, 1, 1}), trained(recipes::erm(), {1}));
  };
  CHECK(equal(recipes::pcgrad()) < 1e-13);
  CHECK(equal(recipes::grad_vac()) < 1e-13);
  CHECK(equal(recipes::mgda()) < 1e-10);
  CHECK(equal(recipes::and_mask()) < 1e-13);
  CHECK(equal(recipes::sand_mask()) < 1e-13);
  CHECK(equal(recipes::group_dro()) < 1e-13);
  CHECK(equal(recipes::vrex()) < 1e-13);
}

TEST_CASE("family: GradVac keeps the mean of parallel gradients", "[family]") {
  // Multiples of one loss, until rounding alone is between the targets and the cosines.
  for (const auto type : {at::kFloat, at::kDouble}) {
    for (const double beta : {.5, 1.}) {
      Network net(1, type);
      Network twin(1, type);
      std::vector<roga::LossClosure> closures;
      for (const double factor : {1., 3., .7}) {
        closures.emplace_back([&net, factor] {
          auto loss = factor * net.loss(0);
          loss.backward();
          return loss;
        });
      }
      const torch::optim::SGDOptions options(.05);
      auto optimizer =
          roga::wrap<Sgd>(recipes::grad_vac({.beta = beta}), net.parameters(), options);
      Sgd plain(twin.parameters(), options);
      for (int step = 0; step < 120; ++step) {
        optimizer.step(closures);
        CHECK_FALSE(optimizer.last_step().skipped());
        plain.zero_grad();
        ((1. + 3. + .7) / 3 * twin.loss(0)).backward();
        plain.step();
      }
      CHECK(problems::deviation(problems::copy(net.parameters()),
                                problems::copy(twin.parameters())) < 1e-4);
    }
  }
}

TEST_CASE("family: Group DRO bears losses whose exponential overflows", "[family]") {
  auto w = torch::zeros({2}, at::kDouble).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), std::vector<at::Tensor>{w},
                                   torch::optim::SGDOptions(1.));
  std::vector<roga::LossClosure> closures;
  for (const int k : {0, 1}) {
    closures.emplace_back([&, k] {
      auto loss = 1e5 * (k + 1) + w[k];
      loss.backward();
      return loss;
    });
  }
  optimizer.step(closures);
  CHECK_FALSE(optimizer.last_step().skipped());
  check({w[0].item<double>(), w[1].item<double>()}, 0, -1, 1e-12);
}

TEST_CASE("family: random orders come from the seed and the step", "[family]") {
  CHECK(problems::same_bits(trained(recipes::dgsam()), trained(recipes::dgsam())));
  CHECK_FALSE(problems::same_bits(trained(recipes::dgsam({.rho = .3, .order = {.seed = 1}})),
                                  trained(recipes::dgsam({.rho = .3, .order = {.seed = 2}}))));
  CHECK_FALSE(problems::same_bits(trained(recipes::fish({.order = {.seed = 1}})),
                                  trained(recipes::fish({.order = {.fixed = true}}))));
}

TEST_CASE("family: DGSAM walks uphill from domain to domain", "[family][golden]") {
  // q_0 at w, x_j = x_{j-1} + rho q_{j-1} / |q_{j-1}|, d = mean of q_0 .. q_3; worked out here.
  Quadratics problem;
  const double rho = .1;
  auto x = problem.w.detach().clone();
  auto sum = torch::zeros({2}, at::kDouble);
  for (const std::size_t k : {0, 1, 2, 0}) {
    const auto q = problem.curvatures[k].mv(x - problem.minima[k]);
    sum += q / 4;
    x = x + rho * q / q.norm();
  }
  check(direction(recipes::dgsam({.rho = rho, .order = {.fixed = true}})), sum[0].item<double>(),
        sum[1].item<double>(), 1e-12);
}

TEST_CASE("family: SAND-mask weighs agreement against variance", "[family][golden]") {
  // Coordinate 0: signs agree, mean 2, variance 1; coordinate 1: they do not.
  const std::vector<at::Tensor> rows{torch::tensor({1., 1.}, at::kDouble),
                                     torch::tensor({2., -1.}, at::kDouble),
                                     torch::tensor({3., 1.}, at::kDouble)};
  const auto d = roga::SmoothSignAgreement{.tau = .5, .k = 2}.combine(rows);
  CHECK(d[0].item<double>() == Approx(2 * std::tanh(1.0)));
  CHECK(d[1].item<double>() == 0);
}

TEST_CASE("family: Group DRO's weights belong to the domains' positions", "[family]") {
  Quadratics problem;
  auto optimizer =
      roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), std::vector<at::Tensor>{problem.w},
                      torch::optim::SGDOptions(0.));
  auto closures = problem.closures();
  optimizer.step(closures);
  closures[2] = nullptr;  // away for a step: the other two share the direction
  optimizer.step(closures);
  const double a = std::exp(2 * .23);
  const double b = std::exp(2 * .659);
  check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()},
        (a * -.8 + b * .52) / (a + b), (a * -.55 + b * 1.59) / (a + b), 1e-12);
}

TEST_CASE("family: LookSAM evaluates once where it reuses its direction", "[family][report]") {
  Network net(1);
  auto optimizer =
      roga::wrap<Sgd>(recipes::looksam({.k = 3}), net.parameters(), torch::optim::SGDOptions(0.1));
  std::vector<std::size_t> evaluations;
  for (int step = 0; step < 6; ++step) {
    optimizer.step(net.closure(0));
    evaluations.push_back(optimizer.last_step().evaluations());
    CHECK(optimizer.last_step().ascended() == (step % 3 == 0));
  }
  CHECK(evaluations == std::vector<std::size_t>{2, 1, 1, 2, 1, 1});
}

TEST_CASE("around recipes: warm-up, clipping, subsets, group radii and schedules", "[family]") {
  SECTION("a warm-up follows ERM") {
    Network warm(3);
    auto optimizer = roga::wrap<Sgd>(recipes::roga({.rho = .3}), warm.parameters(),
                                     torch::optim::SGDOptions(0.1));
    optimizer.warm_up(5);
    for (int step = 0; step < 5; ++step) optimizer.step(warm.closures());
    CHECK(optimizer.last_step().evaluations() == 3);
    CHECK(problems::same_bits(trained(recipes::erm()), warm.parameters()));
    optimizer.step(warm.closures());
    CHECK(optimizer.last_step().evaluations() == 6);
  }
  SECTION("clipping shortens the direction") {
    Quadratics problem;
    auto optimizer = roga::wrap<Sgd>(recipes::erm(), std::vector<at::Tensor>{problem.w},
                                     torch::optim::SGDOptions(0.1));
    optimizer.clip_norm(.1);
    optimizer.step(problem.closures());
    const double norm = .3742399705;
    check({problem.w.grad()[0].item<double>(), problem.w.grad()[1].item<double>()},
          .3566666667 * .1 / norm, .1133333333 * .1 / norm);
    CHECK_THROWS_AS(optimizer.clip_norm(0), c10::Error);
  }
  SECTION("clipping leaves a direction alone whose norm is too small for its type") {
    auto w = torch::zeros({2}).requires_grad_();
    auto optimizer =
        roga::wrap<Sgd>(recipes::erm(), std::vector<at::Tensor>{w}, torch::optim::SGDOptions(1));
    optimizer.clip_norm(1);
    optimizer.step([&] {
      w.mutable_grad() = torch::full({2}, 1e-25F);
      return torch::zeros({});
    });
    CHECK(optimizer.last_step().direction_norm() == 0);
    CHECK(w[0].item<float>() == Approx(-1e-25).epsilon(1e-5).margin(0));
  }
  SECTION("clipping leaves alone what is remembered") {
    // b has its first gradient in the second step: what is remembered of it is that gradient.
    auto a = torch::ones({1}, at::kDouble).requires_grad_();
    auto b = torch::ones({1}, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<Sgd>(recipes::msam({.rho = .5, .mu = .5}),
                                     std::vector<at::Tensor>{a, b}, torch::optim::SGDOptions(0));
    optimizer.clip_norm(1);
    double at_a = 0, at_b = 0;
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        at_a = a.item<double>();
        at_b = b.item<double>();
        auto loss = 3 * a.sum() + (step > 0 ? 4 * b.sum() : torch::zeros({}, at::kDouble));
        loss.backward();
        return loss;
      });
    }
    const double v_a = .5 * 3 + 3, v_b = 4;
    CHECK(at_a == Approx(1 - .5 * v_a / std::hypot(v_a, v_b)));
    CHECK(at_b == Approx(1 - .5 * v_b / std::hypot(v_a, v_b)));
  }
  SECTION("a subset of another model is refused") {
    auto a = torch::ones({2}).requires_grad_();
    auto optimizer =
        roga::wrap<Sgd>(recipes::sam(), std::vector<at::Tensor>{a}, torch::optim::SGDOptions(0.0));
    CHECK_THROWS_WITH(optimizer.ascend_only({torch::ones({2}), torch::ones({3})}),
                      ContainsSubstring("got 2 tensors, none of which is a parameter"));
  }
  SECTION("an ascent along a subset moves and measures that subset") {
    auto a = torch::tensor({1., 2.}, at::kDouble).requires_grad_();
    auto b = torch::tensor({3.}, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), std::vector<at::Tensor>{a, b},
                                     torch::optim::SGDOptions(0.0));
    optimizer.ascend_only({b});
    std::vector<at::Tensor> seen;
    optimizer.step([&] {
      seen = {a.detach().clone(), b.detach().clone()};
      auto loss = a.square().sum() + b.square().sum();
      loss.backward();
      return loss;
    });
    CHECK(problems::same_bits(seen[0], torch::tensor({1., 2.}, at::kDouble)));
    CHECK(seen[1].item<double>() == Approx(3.5));
  }
  SECTION("parameters that do not ascend may be left out of the graph at theta") {
    auto trained = [](bool freeze, std::vector<bool>& in_graph) {
      auto a = torch::tensor({1., 2.}, at::kDouble).requires_grad_();
      auto b = torch::tensor({3.}, at::kDouble).requires_grad_();
      auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), std::vector<at::Tensor>{a, b},
                                       torch::optim::SGDOptions(0.1));
      optimizer.ascend_only({b}, freeze);
      auto closure = [&] {
        in_graph.push_back(a.requires_grad());
        auto loss = (a.square().sum() * b.square()).sum();
        loss.backward();
        return loss;
      };
      optimizer.step(closure);
      CHECK_THROWS_AS(optimizer.step([&]() -> at::Tensor { throw std::runtime_error("no"); }),
                      std::runtime_error);
      CHECK(a.requires_grad());
      optimizer.step(closure);
      return torch::cat({a.detach(), b.detach()});
    };
    std::vector<bool> plain, frozen;
    CHECK(problems::same_bits(trained(false, plain), trained(true, frozen)));
    CHECK(plain == std::vector<bool>{true, true, true, true});
    CHECK(frozen == std::vector<bool>{false, true, false, true});
  }
  SECTION("a group's radius is a factor of the global one") {
    auto a = torch::tensor({3.}, at::kDouble).requires_grad_();
    auto b = torch::tensor({4.}, at::kDouble).requires_grad_();
    std::vector<torch::optim::OptimizerParamGroup> groups{{{a}}, {{b}}};
    auto optimizer =
        roga::wrap<Sgd>(recipes::sam({.rho = .5}), groups, torch::optim::SGDOptions(0.0));
    optimizer.group_radius(1, 2.0);
    std::vector<double> seen;
    optimizer.step([&] {
      seen = {a.item<double>(), b.item<double>()};
      auto loss = (a.square().sum() + b.square().sum()) / 2;
      loss.backward();
      return loss;
    });
    CHECK(seen[0] == Approx(3 + .5 * 3 / 5));
    CHECK(seen[1] == Approx(4 + 1. * 4 / 5));
  }
  SECTION("a scheduled radius goes by step and learning rate") {
    namespace schedules = roga::schedules;
    CHECK(schedules::linear(0, 1, 4)({.step = 3}) == .75);
    CHECK(schedules::linear(0, 1, 4)({.step = 9}) == 1);
    CHECK(schedules::cosine(1, 0, 4)({.step = 2}) == Approx(.5));
    CHECK(schedules::proportional(.1, .5, 0, 1)({.learning_rate = .5}) == Approx(.3));
    Network net(1);
    auto optimizer =
        roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
    optimizer.schedule_radius(schedules::linear(.1, .3, 2));
    std::vector<double> radii;
    for (int step = 0; step < 3; ++step) {
      optimizer.step(net.closure(0));
      radii.push_back(optimizer.last_step().radii()[0]);
    }
    CHECK(radii[1] == Approx(.2));
    CHECK(radii[2] == Approx(.3));
  }
}
