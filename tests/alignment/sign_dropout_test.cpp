// SPDX-License-Identifier: MIT
// GradDrop: exact where signs agree, a sign by its share elsewhere, the same draws again from the
// same seed and step.
#include <torch/serialize.h>

#include <array>
#include <cmath>
#include <memory>
#include <sstream>

#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::constant;
using problems::direction;
using problems::leaf;
using problems::Parameters;
namespace recipes = roga::recipes;

namespace {

constexpr std::int64_t many = 200000;

/// Domains whose gradients are these numbers in each of many coordinates.
std::vector<roga::LossClosure> everywhere(const at::Tensor& w, const std::vector<double>& slopes) {
  std::vector<roga::LossClosure> closures;
  for (const double slope : slopes) {
    closures.emplace_back([w, slope]() mutable {
      w.mutable_grad() = torch::full_like(w, slope).detach();
      return torch::ones({}, at::kFloat);
    });
  }
  return closures;
}
at::Tensor wide(at::ScalarType type = at::kFloat) {
  return torch::zeros({many}, type).requires_grad_();
}
double share(const at::Tensor& mask) { return mask.to(at::kDouble).mean().item<double>(); }

}  // namespace

TEST_CASE("sign_dropout: the mean where all signs agree, in every number type", "[sign_dropout]") {
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    auto w = leaf({0, 0, 0, 0}, type);
    const auto d = direction(recipes::grad_drop(), w,
                             {constant(w, {1, -2, 0, 0}), constant(w, {3, -4, 0, 5})});
    CHECK(d.equal(torch::tensor({2., -3., 0., 2.5}, at::kDouble)));
    // One domain: its gradient.
    CHECK(direction(recipes::grad_drop(), w, {constant(w, {1, -2, 0, 5})})
              .equal(torch::tensor({1., -2., 0., 5.}, at::kDouble)));
  }
  for (const double size : {1e-30, 1e18, 1e30}) {
    auto w = leaf({0, 0}, at::kFloat);
    const auto d = direction(recipes::grad_drop(), w,
                             {constant(w, {size, -size}), constant(w, {3 * size, -3 * size})});
    CHECK((d / size - torch::tensor({2., -2.}, at::kDouble)).abs().max().item<double>() < 1e-6);
  }
}

TEST_CASE("sign_dropout: each sign as often as its share of the gradients' sizes says",
          "[sign_dropout][paper]") {
  for (const auto type : {at::kFloat, at::kDouble}) {
    auto w = wide(type);
    // Positive 6 of 8: the sum 6 or -2 over four domains, and the mean gradient on average.
    const auto d = direction(recipes::grad_drop(), w, everywhere(w, {3, -2, 1, 2}));
    CHECK(d.eq(1.5).logical_or(d.eq(-.5)).all().item<bool>());
    CHECK(share(d.gt(0)) == Approx(.75).margin(.005));
    CHECK(d.mean().item<double>() == Approx(1).margin(.01));
  }
}

TEST_CASE("sign_dropout: draws follow from seed, step and parameter, in a resumed run too",
          "[sign_dropout]") {
  auto steps = [](std::uint64_t seed, int count, int saved_after) {
    auto a = wide();
    auto b = wide();
    auto make = [&] {
      return roga::wrap<torch::optim::SGD>(recipes::grad_drop({.sign_seed = seed}),
                                           Parameters{a, b}, torch::optim::SGDOptions(0.));
    };
    std::vector<roga::LossClosure> closures;
    for (const double slope : {1., -1.}) {
      closures.emplace_back([=]() mutable {
        auto loss = slope * (a.sum() + b.sum());
        loss.backward();
        return loss;
      });
    }
    std::vector<at::Tensor> drawn;
    auto optimizer = std::make_unique<decltype(make())>(make());
    for (int step = 0; step < count; ++step) {
      if (step == saved_after) {
        std::stringstream file;
        torch::save(*optimizer, file);
        optimizer = std::make_unique<decltype(make())>(make());
        torch::load(*optimizer, file);
      }
      torch::rand({step + 1});  // other draws do not matter
      optimizer->step(closures);
      drawn.push_back(a.grad().gt(0));
      drawn.push_back(b.grad().gt(0));
    }
    return drawn;
  };
  const auto drawn = steps(4, 3, -1);
  const auto resumed = steps(4, 3, 1);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    CHECK(drawn[i].equal(resumed[i]));
    CHECK(share(drawn[i]) == Approx(.5).margin(.006));
    for (std::size_t j = 0; j < i; ++j) {  // independent of each other
      CHECK(share(drawn[i].eq(drawn[j])) == Approx(.5).margin(.006));
    }
  }
  const auto of_another_seed = steps(5, 1, -1);
  CHECK(share(drawn[0].eq(of_another_seed[0])) == Approx(.5).margin(.006));
  const auto far_seed = steps(4 + (std::uint64_t{1} << 32U), 1, -1);
  CHECK(share(drawn[0].eq(far_seed[0])) == Approx(.5).margin(.006));
}

TEST_CASE("sign_dropout: its numbers are uniform and independent", "[sign_dropout]") {
  const auto like = torch::zeros({400, 500});
  const auto u = roga::detail::uniform(like, {1, 2});
  CHECK(u.sizes() == like.sizes());
  CHECK((u.min().item<double>() > 0 && u.max().item<double>() < 1));
  const auto counts = at::histc(u, 100, 0, 1);  // 2000 each
  const double chi2 = (counts - 2000).square().sum().item<double>() / 2000;
  CHECK((chi2 > 50 && chi2 < 160));  // 99 degrees of freedom
  const auto flat = u.flatten() - .5;
  auto correlation = [&](const at::Tensor& a, const at::Tensor& b) {
    return std::fabs((a * b).mean().item<double>()) * 12;
  };
  for (const std::int64_t lag : {1, 2, 3, 64, 500}) {
    CHECK(correlation(flat.slice(0, lag), flat.slice(0, 0, flat.numel() - lag)) < .01);
  }
  for (const std::array<std::uint32_t, 2> key :
       {std::array{0U, 2U}, {2U, 2U}, {1U, 3U}, {2U, 1U}}) {
    CHECK(correlation(flat, roga::detail::uniform(like, key).flatten() - .5) < .01);
  }
}

TEST_CASE("sign_dropout: a domain that does not reach a parameter has no say", "[sign_dropout]") {
  const Parameters w{leaf({0, 0}), leaf({0, 0})};
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipes::grad_drop(), w, torch::optim::SGDOptions(0.));
  std::vector<roga::LossClosure> closures;
  for (const bool both : {true, false}) {
    closures.emplace_back([&, both] {
      auto loss = both ? (w[0] + 2 * w[1]).sum() : 3 * w[0].sum();
      loss.backward();
      return loss;
    });
  }
  optimizer.step(closures);
  CHECK(w[0].grad().equal(torch::tensor({2., 2.}, at::kDouble)));
  CHECK(w[1].grad().equal(torch::tensor({1., 1.}, at::kDouble)));
}
