// SPDX-License-Identifier: MIT
// Methods reduce to each other as published.
#include "support/directions.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::check;
using problems::direction;
using problems::Network;
using problems::trained;
namespace recipes = roga::recipes;

namespace {

/// Largest deviation between two recipes over a few steps on a network with three domains.
template <class First, class Second>
double between(First first, Second second, std::int64_t domains = 3, double scale = 1) {
  Network a(domains);
  Network b(domains);
  auto one = roga::wrap<torch::optim::SGD>(first, a.parameters(), torch::optim::SGDOptions(0.1));
  auto other =
      roga::wrap<torch::optim::SGD>(second, b.parameters(), torch::optim::SGDOptions(0.1 * scale));
  for (int step = 0; step < 4; ++step) {
    one.step(a.closures());
    other.step(b.closures());
  }
  return problems::deviation(a.parameters(), b.parameters());
}

template <class First, class Second>
double after_five_steps(First first, Second second) {
  return problems::deviation(trained(first), trained(second));
}

}  // namespace

TEST_CASE("identities: of SAM, SAGM, GAC-FAS and RoGA hold", "[recipes][paper]") {
  SECTION("SAGM without alpha is the mean of ERM and SAM") {
    const auto erm = direction(recipes::erm());
    const auto sam = direction(recipes::sam({.rho = .3}));
    check(direction(recipes::sagm({.rho = .3, .alpha = 0})), (erm[0] + sam[0]) / 2,
          (erm[1] + sam[1]) / 2);
  }
  SECTION("GAC-FAS without radius and alpha is twice ERM") {
    CHECK(between(recipes::gac_fas({.rho = 0, .alpha = 0}), recipes::erm(), 3, 2) < 1e-14);
  }
  SECTION("with one domain GAC-FAS is twice SAGM") {
    CHECK(between(recipes::gac_fas({.rho = .2, .alpha = .1}),
                  recipes::sagm({.rho = .2, .alpha = .1}), 1, 2) < 1e-14);
  }
  SECTION("own capture of one domain without ERM part is SAM") {
    CHECK(between(recipes::roga({.rho = .2, .alpha = 0, .w_erm = 0, .w_gen = 1}),
                  recipes::sam({.rho = .2}), 1) < 1e-14);
  }
  SECTION("with one domain own and pooled capture agree") {
    CHECK(between(recipes::roga({.rho = .2}), recipes::roga_pooled({.rho = .2}), 1) == 0);
  }
  SECTION("a distant radius makes a difference, so these comparisons can fail") {
    CHECK(between(recipes::sam({.rho = .2}), recipes::erm()) > 1e-3);
    CHECK(between(recipes::roga({.rho = .2}), recipes::roga_pooled({.rho = .2})) > 1e-5);
  }
}

TEST_CASE("identities: of the wider family hold", "[recipes][paper]") {
  CHECK(after_five_steps(recipes::gsam({.rho = .2, .alpha = 0}), recipes::sam({.rho = .2})) <
        1e-14);
  CHECK(after_five_steps(recipes::wsam({.rho = .2, .gamma = .5}), recipes::sam({.rho = .2})) <
        1e-14);
  CHECK(after_five_steps(recipes::wsam({.rho = .2, .gamma = 0}), recipes::erm()) < 1e-14);
  // With plain SGD the decoupled step along g and A (q - g) is the coupled one.
  CHECK(after_five_steps(recipes::wsam_decoupled({.rho = .2, .gamma = .7}),
                         recipes::wsam({.rho = .2, .gamma = .7})) < 1e-13);
  CHECK(after_five_steps(recipes::fsam({.rho = .2, .sigma = 0}), recipes::sam({.rho = .2})) <
        1e-14);
  CHECK(after_five_steps(recipes::looksam({.rho = .2, .k = 1}), recipes::sam({.rho = .2})) < 1e-14);
  CHECK(after_five_steps(recipes::roga_periodic({.rho = .2, .alpha = .05, .k = 1}),
                         recipes::roga({.rho = .2, .alpha = .05, .w_erm = 0, .w_gen = 1})) < 1e-14);
  CHECK(after_five_steps(recipes::fisher_sam({.rho = .2, .eta = 0}), recipes::sam({.rho = .2})) <
        1e-13);
  CHECK(after_five_steps(recipes::disam({.rho = .2, .lambda = 0}), recipes::sam({.rho = .2})) <
        1e-13);
  CHECK(after_five_steps(recipes::and_mask({.tau = 0}), recipes::erm()) < 1e-13);
  CHECK(after_five_steps(recipes::cagrad({.c = 0}), recipes::erm()) < 1e-12);
  CHECK(after_five_steps(recipes::vrex({.lambda = 0}), recipes::erm()) < 1e-13);
  CHECK(after_five_steps(recipes::group_dro({.eta = 0}), recipes::erm()) < 1e-13);
  CHECK(after_five_steps(recipes::looksam({.rho = .2, .k = 3}), recipes::sam({.rho = .2})) > 1e-6);
  CHECK(after_five_steps(recipes::vrex({.lambda = 1}), recipes::erm()) > 1e-6);
}

TEST_CASE("identities: equal domains leave the gradient as it is", "[recipes][paper]") {
  auto equal = [](auto recipe) {
    return problems::deviation(trained(recipe, {1, 1, 1}), trained(recipes::erm(), {1}));
  };
  CHECK(equal(recipes::pcgrad()) < 1e-13);
  CHECK(equal(recipes::grad_vac()) < 1e-13);
  CHECK(equal(recipes::mgda()) < 1e-10);
  CHECK(equal(recipes::and_mask()) < 1e-13);
  CHECK(equal(recipes::sand_mask()) < 1e-13);
  CHECK(equal(recipes::group_dro()) < 1e-13);
  CHECK(equal(recipes::vrex()) < 1e-13);
}
