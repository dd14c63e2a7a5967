// SPDX-License-Identifier: MIT
// roga::cost against counted bytes of LibTorch's allocator. (Passes: see roga/testing.hpp.)
#include "support/bytes.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"
#include "support/test.hpp"

namespace {

/// Many layers of equal size, so that what is held for one layer at a time hardly counts.
constexpr int layers = 40;
constexpr std::int64_t width = 64;
constexpr double size_of_all = layers * width * width * sizeof(float);

/// Peak of the third step and later ones, beyond what was there before the first.
template <class Recipe>
double measured_copies(const Recipe& recipe, std::size_t domains) {
  const support::Bytes bytes;
  std::vector<at::Tensor> weights;
  for (int i = 0; i < layers; ++i) {
    weights.push_back((torch::randn({width, width}) / 8).set_requires_grad(true));
  }
  std::vector<roga::LossClosure> closures;
  for (std::size_t k = 0; k < domains; ++k) {
    closures.emplace_back([&, k] {
      auto x = torch::full({1, width}, 1.0 + static_cast<double>(k));
      for (const auto& weight : weights) x = torch::tanh(x.matmul(weight));
      auto loss = x.square().mean();
      loss.backward();
      return loss;
    });
  }
  auto optimizer = roga::wrap<torch::optim::SGD>(recipe, weights, torch::optim::SGDOptions(1e-3));
  for (int step = 0; step < 8; ++step) optimizer.step(closures);
  const double held = 2 * size_of_all;  // the weights and one gradient
  return (static_cast<double>(bytes.peak()) - held) / size_of_all;
}

/// Looks at all domains, and remembers the gradient at theta.
struct RemembersTheta {
  static constexpr std::size_t remembers = 1;
  roga::Slice slice(roga::Step& step, std::size_t) const {
    step.remember("theta", roga::erm);
    return roga::Slice::pooled();
  }
  static constexpr double share(std::size_t) { return 1; }
};

}  // namespace

TEST_CASE("cost: a recipe holds as many copies of the parameters as roga::cost says", "[cost]") {
  torch::manual_seed(1);
  every::recipe([](const std::string& name, auto recipe, bool) {
    for (const std::size_t domains : {1U, 2U, 4U}) {
      INFO(name << " with " << domains << " domains");
      const double copies = measured_copies(recipe, domains);
      CHECK(copies == Approx(roga::cost(recipe, domains).copies).epsilon(0).margin(.35));
    }
  });
}

TEST_CASE("cost: a row that the capture policy remembers counts", "[cost]") {
  torch::manual_seed(1);
  for (const std::size_t domains : {1U, 2U, 4U}) {
    auto check = [&](auto perturbation, auto alignment) {
      const auto recipe = roga::recipe(perturbation, RemembersTheta{}, alignment);
      INFO(domains << " domains");
      CHECK(measured_copies(recipe, domains) ==
            Approx(roga::cost(recipe, domains).copies).epsilon(0).margin(.35));
    };
    check(roga::NormalizedAscent{.rho = .05}, roga::OrthogonalDescent{});
    check(roga::DomainAscent{.rho = .05}, roga::OrthogonalDescent{});
  }
}

TEST_CASE("cost: is known when compiling, and is what the pages promise", "[cost]") {
  namespace recipes = roga::recipes;
  static_assert(roga::cost(recipes::erm(), 4).passes == 1);
  static_assert(roga::cost(recipes::sam(), 4).passes == 2);
  static_assert(roga::cost(recipes::roga(), 4).passes == 2);
  static_assert(roga::cost(recipes::roga_pooled(), 4).passes == 5);
  static_assert(roga::cost(recipes::gam(), 4).passes == 4);
  static_assert(roga::cost(recipes::msam(), 4).passes == 1);
  static_assert(roga::cost(recipes::dgsam(), 4).passes == 1.25);
  static_assert(roga::cost(recipes::fish(), 4).passes == 1);
  static_assert(roga::cost(recipes::sam(), 1).copies == 1);
  static_assert(roga::cost(recipes::roga(), 4).copies == 5);
  CHECK(roga::cost(recipes::looksam({.k = 5}), 4).passes == Approx(1.2));
}
