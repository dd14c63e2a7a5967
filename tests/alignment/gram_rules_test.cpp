// SPDX-License-Identifier: MIT
// The rules on Gram matrices: pcgrad.hpp, gradient_vaccine.hpp, min_norm.hpp, conflict_averse.hpp.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::constant;
using problems::direction;
using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

}  // namespace

TEST_CASE("gram_rules: directions stay right where a domain's gradient is too small for its type",
          "[gram_rules]") {
  const auto type = at::kFloat;
  for (const double tiny : {1e-23, 3e-23, 1e-30}) {
    auto w = leaf({0, 0}, type);
    auto both = [&](auto how, double size) {
      return direction(how, w, {constant(w, {size, size / 2}), constant(w, {-tiny, 0})});
    };
    // As a gradient of zero: PCGrad's mean of (1, .5) and 0, MGDA's shortest vector.
    const auto half = torch::tensor({.5, .25}, at::kDouble);
    CHECK((both(recipes::pcgrad(), 1) - half).abs().max().item<double>() < 1e-6);
    CHECK((both(recipes::pcgrad(), 1e18) / 1e18 - half).abs().max().item<double>() < 1e-6);
    CHECK(both(recipes::mgda(), 1).abs().max().item<double>() < 1e-6);
    CHECK(both(recipes::cagrad(), 1).isfinite().all().item<bool>());
    CHECK(both(recipes::grad_vac(), 1).isfinite().all().item<bool>());
  }
  auto w = leaf({0, 0});
  const auto pull =
      direction(recipes::cagrad(), w, {constant(w, {1, .5}), constant(w, {-1e-100, 0})});
  CHECK(pull.isfinite().all().item<bool>());
  // A factor beyond float32 is taken in float64.
  auto u = leaf({0, 0}, type);
  const auto far =
      direction(recipes::pcgrad(), u, {constant(u, {1e20, 1}), constant(u, {-1e-18, 1e-18})});
  CHECK(far.isfinite().all().item<bool>());
}

TEST_CASE("gram_rules: GradVac keeps the mean of parallel gradients", "[gram_rules]") {
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
