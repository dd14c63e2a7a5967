// SPDX-License-Identifier: MIT
// Half precision, complex numbers, and several types and devices in one optimizer.
#include "support/accelerator.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using naive::robust;
using problems::leaf;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// A closure that writes `curvature * w` as the gradient, without operations that half precision
/// lacks on the host.
roga::LossClosure slope(const at::Tensor& w, double curvature) {
  return [w, curvature]() mutable {
    w.mutable_grad() = (w.detach().to(at::kDouble) * curvature).to(w.scalar_type());
    return torch::zeros({}, at::kFloat);
  };
}

}  // namespace

TEST_CASE("numbers: half precision follows float32 to its own rounding", "[numbers]") {
  auto steps = [](auto recipe, at::ScalarType type) {
    auto w = leaf({1, -2, .5}, type);
    auto v = leaf({-.25}, type);
    auto optimizer =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{w, v}, torch::optim::SGDOptions(0.125));
    auto other = slope(v, 2);
    for (int step = 0; step < 4; ++step) {
      optimizer.step([&] {
        slope(w, 1)();
        return other();
      });
    }
    return torch::cat({w, v}).detach().to(at::kDouble);
  };
  auto worst = [&](auto recipe, at::ScalarType type) {
    return (steps(recipe, type) - steps(recipe, at::kDouble)).abs().max().template item<double>();
  };
  auto check = [&](auto recipe) {
    CHECK(worst(recipe, at::kFloat) < 1e-6);
    CHECK(worst(recipe, at::kHalf) < 5e-3);
    CHECK(worst(recipe, at::kBFloat16) < 4e-2);
  };
  check(recipes::erm());
  check(recipes::sam({.rho = .1}));
  check(recipes::asam({.rho = .1, .eta = .01}));
  check(recipes::sagm({.rho = .1}));
  check(recipes::roga({.rho = .1}));
  check(recipes::gsam({.rho = .1}));
}

TEST_CASE("numbers: norms of half-precision gradients are taken in float32", "[numbers]") {
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    // 300^2 overflows half precision; the ascent is rho along the unit vector all the same.
    auto w = leaf({300, 400}, type);
    std::vector<double> seen;
    auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = 100}), std::vector<at::Tensor>{w},
                                     torch::optim::SGDOptions(0.0));
    optimizer.step([&] {
      seen = {w[0].item().toDouble(), w[1].item().toDouble()};
      return slope(w, 1)();
    });
    CHECK(seen[0] == Approx(360).epsilon(.01));
    CHECK(seen[1] == Approx(480).epsilon(.01));
    CHECK(optimizer.last_step().ascent_norms()[0] == Approx(500).epsilon(.01));
  }
}

TEST_CASE(
    "numbers: the factor of a tiny half-precision gradient may be larger than numbers of its type",
    "[numbers]") {
  for (const bool as_on_accelerator : {false, true}) {
    for (const double rho : {.5, 0.0}) {
      const support::AsOnAccelerator arithmetic(as_on_accelerator);
      auto v = leaf({1, 2}, at::kHalf);
      auto optimizer = robust({v}, 0.0, rho);
      std::vector<double> seen;
      for (int step = 0; step < 2; ++step) {
        optimizer.step([&] {
          seen.push_back(v[0].item<double>());
          v.mutable_grad() = torch::full({2}, 1e-6, at::kHalf);
          return torch::zeros({}, at::kFloat);
        });
      }
      CHECK(seen[1] == Approx(1 + rho / std::sqrt(2.0)).epsilon(2e-3));
      CHECK(seen[2] == 1);
    }
  }
}

TEST_CASE("numbers: a zero gradient stays one in half precision", "[numbers][defects][defect-7]") {
  // The guard 1e-12 is 0 in half precision; it is 0 / 0 then.
  const auto zero = torch::zeros({1}, at::kHalf);
  const auto guarded =
      torch::zeros({1}, at::kFloat).to(at::kHalf) + torch::full({1}, 1e-12).to(at::kHalf);
  CHECK((zero.to(at::kFloat) / guarded.to(at::kFloat)).isnan().all().item<bool>());

  for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat}) {
    auto v = leaf({1, 2}, type);
    auto optimizer = robust({v}, 0.1);
    optimizer.step([&] {
      v.mutable_grad() = torch::zeros({2}, type);
      return torch::zeros({}, at::kFloat);
    });
    CHECK_FALSE(optimizer.last_step().skipped());
    CHECK(problems::same_bits(v, leaf({1, 2}, type)));
  }
}

TEST_CASE("numbers: complex weights are real problems of twice the size", "[numbers]") {
  auto loss_of = [](const at::Tensor& x, const at::Tensor& y) {
    return (x - 2).square().sum() + 3 * (y + x).square().sum();
  };
  auto check = [&](auto recipe) {
    auto x = leaf({1, -.5}, at::kDouble);
    auto y = leaf({2, .25}, at::kDouble);
    auto w = torch::complex(x.detach(), y.detach()).requires_grad_();
    auto real =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{x, y}, torch::optim::SGDOptions(0.05));
    auto complex =
        roga::wrap<Sgd>(recipe, std::vector<at::Tensor>{w}, torch::optim::SGDOptions(0.05));
    for (int step = 0; step < 4; ++step) {
      real.step([&] {
        auto loss = loss_of(x, y);
        loss.backward();
        return loss;
      });
      complex.step([&] {
        const auto parts = torch::view_as_real(w);
        auto loss = loss_of(parts.select(1, 0), parts.select(1, 1));
        loss.backward();
        return loss;
      });
    }
    const auto expected = torch::complex(x.detach(), y.detach());
    CHECK((w.detach() - expected).abs().max().template item<double>() < 1e-12);
  };
  check(recipes::sam({.rho = .3}));
  check(recipes::sagm({.rho = .3, .alpha = .1}));
  check(recipes::gsam({.rho = .3}));
  check(recipes::fsam({.rho = .3}));
  check(recipes::gam({.rho = .3, .gamma = .2}));
  check(recipes::roga({.rho = .3}));
}

TEST_CASE("numbers: parameters of several types and devices share one norm", "[numbers][device]") {
  const auto device = torch::cuda::is_available() ? at::Device(at::kCUDA) : at::Device(at::kCPU);
  auto a = leaf({3}, at::kDouble);
  auto b = torch::full({1}, 4.0, torch::dtype(at::kFloat).device(device)).requires_grad_();
  auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = 1}), std::vector<at::Tensor>{a, b},
                                   torch::optim::SGDOptions(0.0));
  std::vector<double> seen;
  optimizer.step([&] {
    seen = {a.item<double>(), b.item<double>()};
    a.mutable_grad() = a.detach().clone();
    b.mutable_grad() = b.detach().clone();
    return torch::zeros({});
  });
  CHECK(seen[0] == Approx(3.6));
  CHECK(seen[1] == Approx(4.8));
}
