// SPDX-License-Identifier: MIT
// Diagnostics against closed forms on quadratics and dense eigenvalues of a small network.
#include <Eigen/Eigenvalues>
#include <roga/diagnostics/conflict.hpp>
#include <roga/diagnostics/hessian.hpp>
#include <roga/diagnostics/landscape.hpp>
#include <roga/diagnostics/sharpness.hpp>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace diagnostics = roga::diagnostics;
using problems::Parameters;

namespace {

/// .5 w' diag(curvature) w + slope . w over two parameters.
struct Quadratic {
  std::vector<double> curvature{4, 1, .25, -2};
  Parameters w{torch::tensor({1., -2.}, at::kDouble).requires_grad_(),
               torch::tensor({.5, 3.}, at::kDouble).requires_grad_()};
  diagnostics::Loss loss() {
    return [this] {
      const auto all = torch::cat({w[0], w[1]});
      return .5 * (torch::tensor(curvature, at::kDouble) * all * all).sum();
    };
  }
  double value(const std::vector<double>& at) const {
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += .5 * curvature[i] * at[i] * at[i];
    return sum;
  }
};

}  // namespace

TEST_CASE("diagnostics: sharpness of a quadratic", "[diagnostics]") {
  Quadratic q;
  const auto before = problems::copy(q.w);
  const std::vector<double> at{1, -2, .5, 3};
  std::vector<double> moved = at;
  double norm2 = 0;
  for (std::size_t i = 0; i < 4; ++i) norm2 += std::pow(q.curvature[i] * at[i], 2);
  for (std::size_t i = 0; i < 4; ++i) {
    moved[i] += .3 * q.curvature[i] * at[i] / std::sqrt(norm2);
  }
  CHECK(diagnostics::sharpness(q.loss(), q.w, .3) == Approx(q.value(moved) - q.value(at)));
  CHECK(diagnostics::sharpness(q.loss(), q.w, 0) == 0);
  CHECK(problems::same_bits(q.w, before));
  CHECK_FALSE(q.w[0].grad().defined());
  CHECK_THROWS_AS(diagnostics::sharpness(q.loss(), q.w, -1), c10::Error);
  const diagnostics::Loss vector = [&] { return q.w[0] * 2; };
  CHECK_THROWS_AS(diagnostics::sharpness(vector, q.w, .1), c10::Error);

  // Two domains whose gradients cancel: sharp each, flat together.
  auto x = torch::tensor({1., 1.}, at::kDouble).requires_grad_();
  const std::vector<diagnostics::Loss> domains{[&] { return x[0] * 2; }, [&] { return x[0] * -2; }};
  const auto both = diagnostics::sharpness(domains, Parameters{x}, .5);
  CHECK(both.of_domain[0] == Approx(1));
  CHECK(both.of_domain[1] == Approx(1));
  CHECK(both.pooled == 0);
}

TEST_CASE("diagnostics: conflict of known gradients", "[diagnostics]") {
  auto x = torch::tensor({1., 1.}, at::kDouble).requires_grad_();
  auto unused = torch::ones({3}, at::kDouble).requires_grad_();
  const std::vector<diagnostics::Loss> domains{[&] { return 3 * x[0]; }, [&] { return 4 * x[1]; },
                                               [&] { return -x[0] - x[1]; }};
  const auto result = diagnostics::conflict(domains, Parameters{x, unused});
  CHECK(result.norms[0] == Approx(3));
  CHECK(result.norms[2] == Approx(std::sqrt(2.)));
  CHECK(result.cosines[0][1] == 0);
  CHECK(result.cosines[0][2] == Approx(-std::sqrt(.5)));
  CHECK(result.cosines[2][1] == Approx(-std::sqrt(.5)));
  CHECK(result.cosines[1][1] == Approx(1));
  CHECK(result.conflicting == Approx(2. / 3));
  // The sum is (2, 3).
  CHECK(result.agreement == Approx(std::sqrt(13.) / (7 + std::sqrt(2.))));
}

TEST_CASE("diagnostics: the spectrum of a quadratic is its curvatures", "[diagnostics]") {
  Quadratic q;
  const auto spectrum = diagnostics::hessian_spectrum(q.loss(), q.w, 4, 3);
  REQUIRE(spectrum.eigenvalues.size() == 4);
  CHECK(spectrum.eigenvalues[0] == Approx(4));
  CHECK(spectrum.eigenvalues[1] == Approx(1));
  CHECK(spectrum.eigenvalues[2] == Approx(.25));
  CHECK(spectrum.eigenvalues[3] == Approx(-2));
  double sum = 0;
  for (const double weight : spectrum.weights) sum += weight;
  CHECK(sum == Approx(1));
  // The Hessian is diagonal: a weight is the starting vector's share along that coordinate.
  auto generator = at::detail::createCPUGenerator(3);
  const auto start =
      torch::cat({at::randn({2}, generator, at::kDouble), at::randn({2}, generator, at::kDouble)});
  const auto share = start.square() / start.square().sum();
  for (std::size_t i = 0; i < 4; ++i) {
    const auto at = std::ranges::find(q.curvature, std::round(4 * spectrum.eigenvalues[i]) / 4);
    REQUIRE(at != q.curvature.end());
    CHECK(spectrum.weights[i] == Approx(share[at - q.curvature.begin()].item<double>()));
  }
  // A multiple of the identity is found out in one iteration.
  q.curvature = {3, 3, 3, 3};
  const auto flat = diagnostics::hessian_spectrum(q.loss(), q.w, 10);
  CHECK(flat.eigenvalues.size() == 1);
  CHECK(flat.largest() == Approx(3));
  const diagnostics::Loss linear = [&] { return q.w[0].sum(); };
  CHECK(diagnostics::hessian_spectrum(linear, q.w, 5).largest() == 0);
  CHECK_THROWS_AS(diagnostics::hessian_spectrum(q.loss(), q.w, 0), c10::Error);
}

TEST_CASE("diagnostics: the spectrum of a network is that of its dense Hessian", "[diagnostics]") {
  problems::Network net(1);
  const auto parameters = net.parameters();
  const diagnostics::Loss loss = [&] { return net.loss(0); };
  std::vector<at::Tensor> rows;
  const auto flat = [&](const std::vector<at::Tensor>& list) {
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < list.size(); ++i) {
      parts.push_back(list[i].defined() ? list[i].reshape({-1})
                                        : torch::zeros_like(parameters[i]).reshape({-1}));
    }
    return torch::cat(parts);
  };
  const auto gradient = flat(torch::autograd::grad({loss()}, parameters, {}, true, true));
  for (std::int64_t i = 0; i < gradient.numel(); ++i) {
    rows.push_back(flat(torch::autograd::grad({gradient[i]}, parameters, {}, true, false, true)));
  }
  const auto dense = torch::stack(rows).contiguous();
  const auto count = static_cast<Eigen::Index>(dense.size(0));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
      Eigen::Map<const Eigen::MatrixXd>(dense.data_ptr<double>(), count, count));
  const auto spectrum = diagnostics::hessian_spectrum(loss, parameters, 40, 1);
  CHECK(spectrum.largest() == Approx(solver.eigenvalues()[count - 1]).epsilon(1e-6));
  CHECK(spectrum.eigenvalues[1] == Approx(solver.eigenvalues()[count - 2]).epsilon(1e-4));
  CHECK(spectrum.smallest() == Approx(solver.eigenvalues()[0]).epsilon(1e-4));
}

TEST_CASE("diagnostics: a landscape is the loss where it says", "[diagnostics]") {
  Quadratic q;
  const auto before = problems::copy(q.w);
  const roga::GradientList first{torch::tensor({1., 0.}, at::kDouble), at::Tensor()};
  const roga::GradientList second{at::Tensor(), torch::tensor({0., 1.}, at::kDouble)};
  const auto values = diagnostics::landscape(q.loss(), q.w, first, {-1, 0, 2}, second, {0, 5});
  CHECK(values[0][0] == Approx(q.value({0, -2, .5, 3})));
  CHECK(values[1][0] == Approx(q.value({1, -2, .5, 3})));
  CHECK(values[2][1] == Approx(q.value({3, -2, .5, 8})));
  CHECK(problems::same_bits(q.w, before));
  const diagnostics::Loss failing = [&]() -> at::Tensor { throw std::runtime_error("mine"); };
  CHECK_THROWS_AS(diagnostics::landscape(failing, q.w, first, {1}), std::runtime_error);
  CHECK(problems::same_bits(q.w, before));
  CHECK_THROWS_AS(diagnostics::landscape(q.loss(), q.w, {first[0]}, {1}), c10::Error);

  const Parameters layers{torch::randn({4, 3, 2}, at::kDouble), torch::randn({4}, at::kDouble)};
  const auto direction = diagnostics::filter_normalised_direction(layers, 5);
  CHECK_FALSE(direction[1].defined());
  CHECK(torch::allclose(direction[0].flatten(1).norm(2, 1), layers[0].flatten(1).norm(2, 1)));
  CHECK(torch::equal(direction[0], diagnostics::filter_normalised_direction(layers, 5)[0]));
  CHECK_FALSE(torch::equal(direction[0], diagnostics::filter_normalised_direction(layers, 6)[0]));
}

TEST_CASE("diagnostics: a parameter that cannot be put back does not keep the others away",
          "[diagnostics]") {
  for (const std::size_t resized : {0U, 1U}) {
    Quadratic q;
    const auto before = problems::copy(q.w);
    int calls = 0;
    const diagnostics::Loss loss = [&] {
      auto value = q.loss()();
      if (++calls == 3) q.w[resized].set_data(torch::zeros({5}, at::kDouble));  // at the point
      return value;
    };
    diagnostics::sharpness(loss, q.w, .3);
    CHECK(calls == 3);
    CHECK(problems::same_bits(q.w[1 - resized], before[1 - resized]));
  }
}

TEST_CASE("diagnostics: pass over frozen parameters and know single precision", "[diagnostics]") {
  auto w = problems::leaf({1, 2});
  auto frozen = torch::tensor({3., 4.}, at::kDouble);
  const diagnostics::Loss loss = [&] { return (w * frozen).sum() + .5 * w.square().sum(); };
  const Parameters both{w, frozen};
  CHECK(diagnostics::sharpness(loss, both, .1) == Approx(diagnostics::sharpness(loss, {w}, .1)));
  CHECK(diagnostics::conflict({loss, loss}, both).agreement == Approx(1));
  const auto spectrum = diagnostics::hessian_spectrum(loss, both, 10);
  CHECK(spectrum.eigenvalues.size() <= 2);
  CHECK(spectrum.largest() == Approx(1));
  CHECK_THROWS_AS(diagnostics::hessian_spectrum(loss, {frozen}), c10::Error);

  auto single = torch::ones({20}, at::kFloat).requires_grad_();
  auto curvature = torch::ones({20}, at::kFloat);
  curvature.slice(0, 10).fill_(7);
  const auto two = diagnostics::hessian_spectrum(
      [&] { return .5 * (curvature * single.square()).sum(); }, {single}, 23);
  REQUIRE(two.eigenvalues.size() == 2);
  CHECK(two.largest() == Approx(7).epsilon(1e-5));
  CHECK(two.smallest() == Approx(1).epsilon(1e-5));
}
