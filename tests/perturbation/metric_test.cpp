// SPDX-License-Identifier: MIT
#include "support/directions.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using naive::Sgd;
using naive::Weights;
using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

TEST_CASE("metric: a product that takes the gradient's place changes no bit", "[metric]") {
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

TEST_CASE("metric: ASAM scales complex weights by |w|^2, not w^2", "[metric][defects][defect-14]") {
  const c10::complex<double> z(1, 2);
  // w^2 turns the gradient's phase; |w|^2 does not.
  CHECK(std::abs((z * z).imag()) > 1);

  const std::vector<double> re{1, -.5};
  const std::vector<double> im{2, .25};
  auto loss_of = [](const at::Tensor& x, const at::Tensor& y) {
    return (x - 2).square().sum() + 3 * (y + x).square().sum();
  };
  auto w = torch::complex(torch::tensor(re, at::kDouble), torch::tensor(im, at::kDouble))
               .requires_grad_();
  auto complex_one = roga::wrap<Sgd>(recipes::asam({.rho = .3, .eta = 0}), Weights{w},
                                     torch::optim::SGDOptions(0.05));
  complex_one.step([&] {
    const auto parts = torch::view_as_real(w);
    auto loss = loss_of(parts.select(1, 0), parts.select(1, 1));
    loss.backward();
    return loss;
  });
  // The real problem of twice the size, with T = |w| for both parts of an entry, by hand.
  auto x = leaf(re);
  auto y = leaf(im);
  loss_of(x, y).backward();
  const auto t2 = (x.square() + y.square()).detach();
  const auto length = (t2 * (x.grad().square() + y.grad().square())).sum().sqrt();
  auto px = (x + .3 * t2 * x.grad() / length).detach().requires_grad_();
  auto py = (y + .3 * t2 * y.grad() / length).detach().requires_grad_();
  loss_of(px, py).backward();
  const auto expected = torch::complex(x.detach() - .05 * px.grad(), y.detach() - .05 * py.grad());
  CHECK((w.detach() - expected).abs().max().item<double>() < 1e-12);
}

TEST_CASE("metric: half precision keeps small moves", "[metric]") {
  auto moved = [](auto how, double start, double slope) {
    auto v = leaf({start}, at::kHalf);
    double farthest = 0;
    auto optimizer = roga::wrap<Sgd>(how, Weights{v}, torch::optim::SGDOptions(0.0));
    optimizer.step([&] {
      farthest = std::fmax(farthest, std::fabs(v.item().toDouble() - start));
      return problems::constant(v, {slope})();
    });
    return farthest;
  };
  // T^2 g / |T g| = |theta| + eta for one number.
  CHECK(moved(recipes::asam({.rho = .25, .eta = .01}), .02, 1e-5) == Approx(.0075).epsilon(.02));
  // F g / sqrt(g F g) = 1 / sqrt(1 + eta g^2)
  CHECK(moved(recipes::fisher_sam({.rho = .3, .eta = .2}), 0, 300) ==
        Approx(.3 / std::sqrt(1 + .2 * 9e4)).epsilon(.02));
}
