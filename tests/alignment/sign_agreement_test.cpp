// SPDX-License-Identifier: MIT
// AND-mask and SAND-mask.
#include <cmath>
#include <span>

#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::constant;
using problems::direction;
using problems::leaf;
namespace recipes = roga::recipes;

TEST_CASE("sign_agreement: SAND-mask weighs agreement against variance",
          "[sign_agreement][golden]") {
  // Coordinate 0: signs agree, mean 2, variance 1; coordinate 1: they do not.
  const std::vector<at::Tensor> rows{torch::tensor({1., 1.}, at::kDouble),
                                     torch::tensor({2., -1.}, at::kDouble),
                                     torch::tensor({3., 1.}, at::kDouble)};
  const auto d = roga::SmoothSignAgreement{.tau = .5, .k = 2}.combine(rows);
  CHECK(d[0].item<double>() == Approx(2 * std::tanh(1.0)));
  CHECK(d[1].item<double>() == 0);
}

TEST_CASE("sign_agreement: half precision keeps small masks", "[sign_agreement]") {
  auto w = leaf({.02}, at::kHalf);
  // Three of four signs agree: the margin is exactly 0, and so is the mask.
  std::vector<roga::LossClosure> closures;
  for (const double sign : {1., 1., 1., -1.}) closures.push_back(constant(w, {sign * 1e-4}));
  CHECK(direction(recipes::sand_mask({.tau = .5}), w, closures).item<double>() == 0);
  CHECK(direction(recipes::and_mask({.tau = .5}), w, closures).item<double>() ==
        Approx(5e-5).epsilon(1e-2));
}

namespace {

/// The mean of the rows, by a policy that works coordinate by coordinate.
struct MeanOfRows {
  static constexpr roga::Reads reads = roga::Reads::domains;
  at::Tensor combine(std::span<const at::Tensor> rows) const {
    return at::stack(at::TensorList(rows.data(), rows.size())).mean(0);
  }
};

/// The directions of (a, b, c) where all three domains reach a, two b, one c, and none d.
template <class Alignment>
std::vector<at::Tensor> where_some_reach(const Alignment& alignment) {
  const problems::Parameters w{leaf({0, 0, 0}), leaf({0, 0, 0}), leaf({0, 0, 0}), leaf({0, 0, 0})};
  auto optimizer =
      roga::wrap<torch::optim::SGD>(roga::recipe(roga::NoPerturbation{}, roga::Pooled{}, alignment),
                                    w, torch::optim::SGDOptions(0.));
  const std::vector<std::vector<double>> slopes{{3, 6, 9}, {6, 3, -9}, {9, -3, -3}};
  std::vector<roga::LossClosure> closures;
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    closures.emplace_back([&, k] {
      at::Tensor sum = w[0];
      if (k < 2) sum = sum + w[1];
      if (k < 1) sum = sum + w[2];
      auto loss = sum.dot(torch::tensor(slopes[k], at::kDouble));
      loss.backward();
      return loss;
    });
  }
  optimizer.step(closures);
  std::vector<at::Tensor> directions;
  for (const auto& parameter : w) directions.push_back(parameter.grad());
  return directions;
}
bool is(const at::Tensor& direction, const std::vector<double>& values) {
  return direction.allclose(torch::tensor(values, at::kDouble), 1e-12, 1e-12);
}

}  // namespace

TEST_CASE("sign_agreement: a domain that does not reach a parameter has no say in its mask",
          "[sign_agreement][golden]") {
  const auto strict = where_some_reach(roga::SignAgreement{.tau = 1});
  CHECK(is(strict[0], {6, 0, 0}));
  CHECK(is(strict[1], {3, 3, 0}));  // the two agree on the first two coordinates: 2/3 of their mean
  CHECK(is(strict[2], {1, 2, 3}));  // one alone always agrees
  CHECK_FALSE(strict[3].defined());

  // Means of two rows 4.5, 4.5, 0; variances 4.5, 4.5, 162; margins .5, .5, -.5.
  const auto smooth = where_some_reach(roga::SmoothSignAgreement{.tau = .5, .k = 2});
  CHECK(is(smooth[1], {3 * std::tanh(1 / 4.5), 3 * std::tanh(1 / 4.5), 0}));
  CHECK(is(smooth[2], {1, 2, 3}));
  CHECK_FALSE(smooth[3].defined());
}

TEST_CASE("sign_agreement: the mean of the rows is the ERM gradient, whoever reaches a parameter",
          "[sign_agreement]") {
  const auto mean = where_some_reach(MeanOfRows{});
  const auto erm = where_some_reach(roga::ErmGradient{});
  for (std::size_t i = 0; i < 3; ++i) CHECK(mean[i].allclose(erm[i], 1e-15));
  CHECK(mean[0].equal(erm[0]));
  CHECK_FALSE((mean[3].defined() || erm[3].defined()));
}
