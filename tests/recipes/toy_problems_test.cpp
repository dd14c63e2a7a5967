// SPDX-License-Identifier: MIT
// Small problems whose outcome is known: from the papers' own notebooks, or worked out.
#include <cmath>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;

namespace {

at::Tensor vector(const std::vector<double>& values) {
  return torch::tensor(values, at::kDouble).requires_grad_();
}
double entry(const at::Tensor& w, std::size_t i) { return w.data_ptr<double>()[i]; }

/// A closure with the gradient written out: these problems take many steps.
template <class Gradient>
roga::LossClosure written_out(const at::Tensor& w, Gradient gradient) {
  return [w, gradient]() mutable {
    w.mutable_grad() = torch::tensor(gradient(entry(w, 0), entry(w, 1)), at::kDouble);
    return torch::zeros({}, at::kDouble);
  };
}

}  // namespace

TEST_CASE("toy: AND-mask finds the shared mechanism of a regression", "[toy][paper]") {
  // Environment e has the one sample x_e = 3 (e_e, 0.1), y = 1. Trained on two, tested on two;
  // learning rate .3 x 0.9995^t, decoupled decay .01 lr (after the mask), 1001 updates.
  auto test_loss = [](auto recipe) {
    auto w = vector({0, 0, 0, 0, 0});
    auto residual = [&](std::size_t e) { return 3 * (entry(w, e) + .1 * entry(w, 4)) - 1; };
    std::vector<roga::LossClosure> closures;
    for (const std::size_t e : {0, 1}) {
      closures.emplace_back([w, e, residual]() mutable {
        std::vector<double> gradient(5, 0.0);
        gradient[e] = 3 * residual(e);
        gradient[4] = .3 * residual(e);
        w.mutable_grad() = torch::tensor(gradient, at::kDouble);
        return torch::tensor(.5 * residual(e) * residual(e), at::kDouble);
      });
    }
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(.3));
    for (int t = 0; t <= 1000; ++t) {
      const double rate = .3 * std::pow(.9995, t);
      optimizer.param_groups()[0].options().set_lr(rate);
      {
        const torch::NoGradGuard no_grad;
        w.mul_(1 - .01 * rate);
      }
      optimizer.step(closures);
    }
    return (std::pow(residual(2), 2) + std::pow(residual(3), 2)) / 4;
  };
  CHECK(test_loss(recipes::erm()) == Approx(.480626).margin(2e-3));
  CHECK(test_loss(recipes::and_mask({.tau = 1})) == Approx(.005017).margin(2e-4));
}

TEST_CASE("toy: SAM leaves a sharp minimum from a radius on", "[toy][paper]") {
  // f = -exp(-(x-2)^2 - y^2) - exp(-(x^2 + 100 y^2)): sharp at (0, 0), flat near (2, 0).
  auto final_x = [](auto recipe, int steps) {
    auto w = vector({-.4, -.4});
    auto closure = written_out(w, [](double x, double y) {
      const double flat = std::exp(-(x - 2) * (x - 2) - y * y);
      const double sharp = std::exp(-x * x - 100 * y * y);
      return std::vector<double>{2 * (x - 2) * flat + 2 * x * sharp,
                                 2 * y * flat + 200 * y * sharp};
    });
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(.01));
    for (int step = 0; step < steps; ++step) optimizer.step(closure);
    return entry(w, 0);
  };
  CHECK(final_x(recipes::erm(), 4000) == Approx(.0425).margin(1e-3));
  CHECK(final_x(recipes::sam({.rho = .1}), 4000) == Approx(1.9592).margin(1e-2));
  CHECK(final_x(recipes::gsam({.rho = .1, .alpha = .4}), 4000) == Approx(1.9592).margin(1e-2));
  CHECK(final_x(recipes::wsam({.rho = .1, .gamma = .5}), 4000) == Approx(1.9592).margin(1e-2));
  CHECK(final_x(recipes::sagm({.rho = .1, .alpha = .001}), 4000) < .3);
  CHECK(final_x(recipes::asam({.rho = .5, .eta = .01}), 4000) < .3);
  // The threshold of SAM lies between these two.
  CHECK(final_x(recipes::sam({.rho = .05}), 8000) < .5);
  CHECK(final_x(recipes::sam({.rho = .07}), 8000) > 1.5);
}

TEST_CASE("toy: CAGrad reaches the optimum of two conflicting objectives", "[toy][paper]") {
  // The CAGrad paper's toy (its toy.py): valleys of log|.| above, bowls below. The minimum of the
  // mean is -15.092 at (0, -8.355).
  struct Objective {
    double sign;
    double loss(double x, double y) const {
      return upper(y) * (valley(x, y)) + lower(y) * bowl(x, y);
    }
    std::vector<double> gradient(double x, double y) const {
      const double a = inside(x, y);
      const double slope = std::abs(a) > 5e-6 ? 1 / a : 0;
      const double squared_sech = 1 - std::tanh(y) * std::tanh(y);
      const double mixing = (1 - std::pow(std::tanh(y / 2), 2)) / 2;  // of upper; minus of lower
      return {upper(y) * slope * -.5 + lower(y) * (x - sign * 7) / 5,
              upper(y) * slope * sign * squared_sech + lower(y) * (y + 8) / 50 +
                  (y > 0 ? mixing * valley(x, y) : -mixing * bowl(x, y))};
    }
    double inside(double x, double y) const {
      return sign > 0 ? .5 * (-x - 7) + std::tanh(y) : .5 * (-x + 3) - std::tanh(y) + 2;
    }
    double valley(double x, double y) const {
      return std::log(std::fmax(std::abs(inside(x, y)), 5e-6)) + 6;
    }
    double bowl(double x, double y) const {
      return (std::pow(x - sign * 7, 2) + .1 * std::pow(y + 8, 2)) / 10 - 20;
    }
    static double upper(double y) { return std::fmax(std::tanh(y / 2), 0); }
    static double lower(double y) { return std::fmax(std::tanh(-y / 2), 0); }
  };
  auto mean_loss = [&](auto recipe, const std::vector<double>& start, int steps) {
    auto w = vector(start);
    std::vector<roga::LossClosure> closures;
    for (const double sign : {1., -1.}) {
      closures.push_back(
          written_out(w, [=](double x, double y) { return Objective{sign}.gradient(x, y); }));
    }
    auto optimizer = roga::wrap<torch::optim::Adam>(recipe, std::vector<at::Tensor>{w},
                                                    torch::optim::AdamOptions(2e-3));
    for (int step = 0; step < steps; ++step) optimizer.step(closures);
    const double x = entry(w, 0);
    const double y = entry(w, 1);
    return (Objective{1}.loss(x, y) + Objective{-1}.loss(x, y)) / 2;
  };
  for (const auto& start : {std::vector<double>{-8.5, 7.5}, {-8.5, -5.}, {9., 9.}}) {
    CHECK(mean_loss(recipes::cagrad({.c = .5}), start, 60000) == Approx(-15.092).margin(2e-3));
  }
  // PCGrad and MGDA stop where the two gradients cancel out, though their mean goes on. The numbers
  // are those of a loop over plain doubles.
  CHECK(mean_loss(recipes::pcgrad(), {-8.5, -5.}, 25000) == Approx(-10.727).margin(1e-2));
  CHECK(mean_loss(recipes::mgda(), {-8.5, -5.}, 25000) == Approx(-10.201).margin(1e-2));
  // The mean gradient sticks in a valley, from both upper starts.
  CHECK(mean_loss(recipes::erm(), {-8.5, 7.5}, 25000) > 0);
  CHECK(mean_loss(recipes::erm(), {9., 9.}, 25000) > 0);
}

TEST_CASE("toy: own capture leaves the falsely flat well, pooled capture never does",
          "[toy][paper]") {
  // Conflict wells: L = b (x^2 - 1)^2 + y^2 / 2 +- c y sigmoid(-kappa x), from the left well.
  auto final_x = [](auto recipe) {
    auto w = torch::tensor({-1., .3}, at::kDouble).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(.02));
    std::vector<roga::LossClosure> closures;
    for (const double sign : {1., -1.}) {
      // Gradients written out: 20,000 steps through autograd would take minutes.
      closures.emplace_back([w, sign]() mutable {
        const auto* p = w.data_ptr<double>();
        const double s = 1 / (1 + std::exp(2 * p[0]));
        w.mutable_grad() = torch::tensor(
            {.2 * p[0] * (p[0] * p[0] - 1) - sign * 4 * p[1] * s * (1 - s), p[1] + sign * 2 * s},
            at::kDouble);
        return torch::zeros({}, at::kDouble);
      });
    }
    for (int step = 0; step < 20000; ++step) optimizer.step(closures);
    return w[0].item<double>();
  };
  // Thresholds by first order: 0.1125 for own capture alone, 0.2251 beside the ERM gradient.
  CHECK(final_x(recipes::roga({.rho = .10, .alpha = 1e-3, .w_erm = 0, .w_gen = 1})) ==
        Approx(-.82).margin(.02));
  CHECK(final_x(recipes::roga({.rho = .12, .alpha = 1e-3, .w_erm = 0, .w_gen = 1})) ==
        Approx(1.07).margin(.02));
  CHECK(final_x(recipes::roga({.rho = .20, .alpha = 1e-3, .w_erm = 1, .w_gen = 1})) < 0);
  CHECK(final_x(recipes::roga({.rho = .25, .alpha = 1e-3, .w_erm = 1, .w_gen = 1})) > 1);
  CHECK(final_x(recipes::gac_fas({.rho = .40, .alpha = 1e-3})) == Approx(-1).margin(.02));
  CHECK(final_x(recipes::sam({.rho = .40})) == Approx(-1).margin(.02));
}
