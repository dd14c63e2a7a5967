// SPDX-License-Identifier: MIT
#include <limits>

#include "support/bases.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using problems::leaf;
using roga::learning_rates::warm_up_cosine;
using support::message_of;

TEST_CASE("learning_rates: a warm-up rises in a line, a cosine falls by half", "[rates]") {
  auto factor = warm_up_cosine({.warm_up = 3, .steps = 11, .from = 0.2, .least = 0.1});
  const double eighth = 0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2;  // the cosine of pi / 4
  const std::vector<double> expected{0.4,  0.6, 0.8,          1, 0,   eighth, 0,
                                     0.55, 0,   1.1 - eighth, 0, 0.1, 0.1};
  for (std::size_t step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    const double is = factor(static_cast<std::int64_t>(step));
    if (expected[step] > 0) CHECK(is == Approx(expected[step]).epsilon(1e-14));
    CHECK(is >= 0.1);
    if (step >= 4 && step < 12) CHECK(is < factor(static_cast<std::int64_t>(step) - 1));
  }
  CHECK(factor(1'000'000'000'000) == 0.1);

  factor = warm_up_cosine({.warm_up = 4, .steps = 8});
  CHECK(factor(0) == Approx(0.2));
  CHECK(factor(3) == Approx(0.8));
  CHECK(factor(4) == 1);
  CHECK(factor(6) == Approx(0.5));
  CHECK(factor(8) == 0);
  CHECK(warm_up_cosine({.steps = 1})(0) == 1);
  CHECK(warm_up_cosine({.warm_up = 2, .steps = 9, .least = 1})(5) == 1);
}

TEST_CASE("learning_rates: an option out of range is named", "[rates][message]") {
  auto message = [](roga::learning_rates::WarmUpCosine options) {
    return message_of([&] { warm_up_cosine(options); });
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(message({.steps = 0}), ContainsSubstring("steps must be at least 1, got 0"));
  CHECK_THAT(message({.warm_up = 5, .steps = 5}), ContainsSubstring("warm_up must be"));
  CHECK_THAT(message({.warm_up = -1, .steps = 5}), ContainsSubstring("warm_up must be"));
  CHECK_THAT(message({.from = 1.5}), ContainsSubstring("from must be in [0, 1], got 1.5"));
  CHECK_THAT(message({.from = nan}), ContainsSubstring("from must be in [0, 1]"));
  CHECK_THAT(message({.least = -0.1}), ContainsSubstring("least must be in [0, 1]"));
}

TEMPLATE_TEST_CASE("learning_rates: each group has its base rate times the factor", "[rates]",
                   bases::Sgd, bases::Adam, bases::AdamW, bases::Adagrad, bases::RmsProp) {
  const std::vector<torch::optim::OptimizerParamGroup> groups{
      torch::optim::OptimizerParamGroup({leaf({1})}),
      torch::optim::OptimizerParamGroup({leaf({2})})};
  auto rates = [](torch::optim::Optimizer& optimizer) {
    std::vector<double> list;
    for (auto& group : optimizer.param_groups()) list.push_back(group.options().get_lr());
    return list;
  };
  auto check = [&](torch::optim::Optimizer& optimizer) {
    roga::set_learning_rates(optimizer, {0.5, 0.25}, 0.5);
    roga::set_learning_rates(optimizer, {0.5, 0.25}, 0.25);
    CHECK(rates(optimizer) == std::vector<double>{0.125, 0.0625});
    auto refused = [&](const std::vector<double>& base_rates, double factor) {
      return message_of([&] { roga::set_learning_rates(optimizer, base_rates, factor); });
    };
    CHECK_THAT(refused({0.5}, 1), ContainsSubstring("1 base rates, the optimizer has 2"));
    CHECK_THAT(refused({0.5, -1}, 1), ContainsSubstring("a base rate must be finite and not"));
    CHECK_THAT(refused({0.5, 0.5}, -1), ContainsSubstring("factor must be finite and not"));
    CHECK_THAT(refused({0.5, 0.5}, std::numeric_limits<double>::infinity()),
               ContainsSubstring("factor must be finite"));
    CHECK(rates(optimizer) == std::vector<double>{0.125, 0.0625});
  };
  typename TestType::Type plain(groups, TestType::options());
  check(plain);
  auto wrapped = roga::wrap<typename TestType::Type>(recipes::sam(), groups, TestType::options());
  check(wrapped);
  auto late = roga::wrap(std::make_unique<typename TestType::Type>(groups, TestType::options()),
                         recipes::sam());
  check(late);
}

TEST_CASE("learning_rates: steps and radii follow them, resumed or not", "[rates][serialize]") {
  const auto factor = warm_up_cosine({.warm_up = 2, .steps = 9});
  const auto slow = leaf({0});
  const auto fast = leaf({0});
  auto make = [&] {
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::vector<at::Tensor>{slow});
    groups.emplace_back(std::vector<at::Tensor>{fast});
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam({.rho = 0.1}), groups,
                                                   torch::optim::SGDOptions(7));
    optimizer.schedule_radius(roga::schedules::proportional(0, 0.2, 0, 0.5));
    return optimizer;
  };
  double sum = 0;
  for (std::int64_t step = 0; step < 9; ++step) {
    auto optimizer = make();  // which remembers no rate
    roga::set_learning_rates(optimizer, {0.5, 2}, factor(step));
    optimizer.step([&] {
      auto loss = (slow + fast).sum();
      loss.backward();
      return loss;
    });
    sum += factor(step);
    CHECK(optimizer.last_step().radii().front() == Approx(0.2 * factor(step)));
    CHECK(slow.item<double>() == Approx(-0.5 * sum));
    CHECK(fast.item<double>() == Approx(-2 * sum));
  }
}
