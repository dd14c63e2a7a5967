// SPDX-License-Identifier: MIT
#include <iomanip>
#include <locale>
#include <sstream>

#include "support/accelerator.hpp"
#include "support/calls.hpp"
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;

namespace {

template <class T>
std::string printed(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}
/// A line of one step over domains with these losses and the gradient (3, 4).
template <class Recipe>
std::string line_of(const Recipe& how, const std::vector<double>& losses, bool diagnose = false) {
  auto w = problems::leaf({1, 1});
  auto optimizer = roga::wrap<torch::optim::SGD>(how, {w}, torch::optim::SGDOptions(0.1));
  optimizer.diagnose(diagnose);
  std::vector<roga::LossClosure> closures;
  for (const double loss : losses) {
    closures.emplace_back([&w, loss]() mutable {
      w.mutable_grad() = torch::tensor({3., 4.}, at::kDouble);
      return torch::full({}, loss, at::kDouble);
    });
  }
  optimizer.step(closures);
  return printed(optimizer.last_step());
}

}  // namespace

TEST_CASE("last_step: counts evaluations and tells whether an ascent ran", "[report]") {
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

TEST_CASE("last_step: norms, radii and cosines match the rows", "[report]") {
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

TEST_CASE("last_step: domains have cosines where each of their gradients is computed", "[report]") {
  problems::Quadratics problem;
  auto losses = [&] {
    std::vector<at::Tensor> list;
    for (std::size_t k = 0; k < 3; ++k) {
      const auto away = problem.w - problem.minima[k];
      list.push_back(.5 * away.dot(problem.curvatures[k].mv(away)));
    }
    return torch::stack(list);
  };
  auto pooled = [&] {
    auto each = losses();
    each.mean().backward();
    return each;
  };
  auto cosines = [&](auto recipe, auto data) {
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, problems::Parameters{problem.w},
                                                   torch::optim::SGDOptions(0.));
    optimizer.diagnose(true);
    optimizer.step(data);
    return optimizer.last_step().domain_cosines().size();
  };
  CHECK(cosines(recipes::sam(), problem.closures()) == 3);
  CHECK(cosines(recipes::sam(), roga::SharedForward{losses}) == 0);
  CHECK(cosines(recipes::sam(), roga::Domains{problem.closures(), pooled}) == 0);
  CHECK(cosines(recipes::roga(), roga::SharedForward{losses}) == 3);
  CHECK(cosines(recipes::roga(), roga::Domains{problem.closures(), pooled}) == 3);
}

TEST_CASE("last_step: counts the evaluations of a whole step of LBFGS", "[report]") {
  problems::Network net(1);
  auto optimizer = roga::wrap<torch::optim::LBFGS>(recipes::sam({.rho = .01}), net.parameters(),
                                                   torch::optim::LBFGSOptions(.1).max_iter(4));
  std::size_t calls = 0;
  optimizer.step([&] {
    ++calls;
    return net.closure(0)();
  });
  CHECK(calls > 4);
  CHECK(optimizer.last_step().evaluations() == calls);
  CHECK(optimizer.last_step().points() == 1);  // of the last evaluation
  CHECK(optimizer.last_step().step() == static_cast<std::int64_t>(calls) / 2 - 1);
}

TEST_CASE("last_step: radii are lengths, also against the momentum", "[report]") {
  auto w = problems::leaf({1});
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::msam({.rho = .5}), {w}, torch::optim::SGDOptions(.1));
  std::vector<double> seen;
  for (int step = 0; step < 2; ++step) {
    seen.clear();
    const double theta = w.item<double>();
    optimizer.step([&] {
      seen.push_back(w.item<double>() - theta);
      auto loss = w.square().sum();
      loss.backward();
      return loss;
    });
    CHECK(optimizer.last_step().radii().front() == .5);
  }
  CHECK(seen.front() == Approx(-.5));  // against the momentum
}

TEST_CASE("last_step: prints one line", "[report]") {
  const auto sam = recipes::sam({.rho = .125});
  CHECK(line_of(recipes::erm(), {.25}) == "step 0: loss 0.25, 1 evaluation, 0 points, |d| 5");
  CHECK(line_of(sam, {.6931472}) ==
        "step 0: loss 0.6931, 2 evaluations, 1 point (radius 0.125, |v| 5), |d| 5");
  CHECK(
      line_of(sam, {1, 2.5}, true) ==
      "step 0: loss 1.75 (1, 2.5), 4 evaluations, 1 point (radius 0.125, |v| 5), |d| 5, cosine 1");
  CHECK(line_of(recipes::roga({.rho = .5, .alpha = 0}), {1, 2, 3}) ==
        "step 0: loss 2 (1, 2, 3), 6 evaluations, 3 points (radius 0.5, 0.5, 0.5, |v| 5, 5, 5), "
        "|d| 5");
  // Of long lists the beginning.
  CHECK(line_of(recipes::erm(), {1, 2, 3, 4, 5, 6, 7, 8, 9}) ==
        "step 0: loss 5 (1, 2, 3, 4, 5, 6, 7, 8, ...), 9 evaluations, 0 points, |d| 5");
  for (const double broken : {double(NAN), -double(NAN)}) {
    CHECK(line_of(recipes::erm(), {1, broken}) ==
          "step 0: skipped (1 in a row), the loss of domain 1 at theta is not finite, "
          "loss nan (1, nan), 2 evaluations, 0 points");
  }
  CHECK(line_of(sam, {INFINITY}) ==
        "step 0: skipped (1 in a row), the loss of domain 0 at theta is not finite, loss inf, "
        "1 evaluation, 0 points");
  auto w = problems::leaf({1});
  const auto fresh =
      roga::wrap<torch::optim::SGD>(recipes::sam(), {w}, torch::optim::SGDOptions(.1));
  CHECK(printed(fresh.last_step()) == "step 0: not finished");
}

TEST_CASE("last_step: its line does not follow the stream's format, nor cost more than its numbers",
          "[report]") {
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\1"; }
  };
  for (const bool as_on_accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    auto w = problems::leaf({30, 40});
    auto optimizer =
        roga::wrap<torch::optim::SGD>(recipes::sam({.rho = .1}), {w}, torch::optim::SGDOptions(0.));
    optimizer.step([&] {
      auto loss = w.square().sum() / 2;
      loss.backward();
      return loss;
    });
    const auto report = optimizer.last_step();
    std::ostringstream text;
    text.imbue(std::locale(std::locale::classic(), new Commas));
    text << std::fixed << std::setprecision(1) << std::showpos;
    const auto calls = support::dispatcher_calls([&] { text << report; });
    CHECK(text.str() == "step 0: loss 1250, 2 evaluations, 1 point (radius 0.1, |v| 50), |d| 50.1");
    CHECK(calls == support::dispatcher_calls([&] { report.losses(); }));  // one transfer
    CHECK((calls > 0) == as_on_accelerator);
  }
}

TEST_CASE("last_step: its cosine prints without a test", "[report]") {
  problems::Quadratics problem;
  for (const bool diagnose : {false, true}) {
    auto optimizer = roga::wrap<torch::optim::SGD>(
        recipes::sam({.rho = 0}), problems::Parameters{problem.w}, torch::optim::SGDOptions(0.));
    optimizer.diagnose(diagnose);
    optimizer.step(problem.closures());
    CHECK(printed(optimizer.last_step().cosine()) == (diagnose ? "1" : "none"));
    CHECK(optimizer.last_step().cosine().value_or(-2) == Approx(diagnose ? 1 : -2));
  }
}
