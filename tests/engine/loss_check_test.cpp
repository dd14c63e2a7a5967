// SPDX-License-Identifier: MIT
// Losses that are no loss, from closures, shared forwards and phases.
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using support::message_of;
namespace recipes = roga::recipes;

namespace {

/// What a step says whose second domain gives `loss`, from each of the three ways to give it.
struct Given {
  std::string by_closure, by_forward, by_phases;
};
Given messages(const at::Tensor& loss) {
  auto w = leaf({1, 2});
  const auto before = w.detach().clone();
  auto optimizer = roga::wrap<torch::optim::SGD>(recipes::roga(), problems::Parameters{w},
                                                 torch::optim::SGDOptions(0.1));
  const roga::LossClosure good = [&] {
    auto sum = w.sum();
    sum.backward();
    return sum;
  };
  Given given;
  given.by_closure = message_of([&] { optimizer.step({good, {}, [&] { return loss; }}); });
  given.by_forward = message_of([&] {
    optimizer.step(roga::SharedForward{[&] { return loss.defined() ? loss.reshape({-1}) : loss; }});
  });
  given.by_phases = message_of([&] {
    auto phases = optimizer.phases({0, 2});
    phases.ascend(good());
    phases.ascend(loss);
  });
  CHECK(w.equal(before));
  return given;
}

}  // namespace

TEST_CASE("loss_check: a loss of another type is refused by name", "[loss_check]") {
  for (const auto& [type, name, advice] :
       {std::tuple{at::kLong, "Long", "floating-point outputs"},
        std::tuple{at::kInt, "Int", "floating-point outputs"},
        std::tuple{at::kBool, "Bool", "floating-point outputs"},
        std::tuple{at::kComplexDouble, "ComplexDouble", "torch::real(loss)"}}) {
    const auto given = messages(torch::ones({}, type));
    const std::string of_type = std::string("of type ") + name;
    CHECK_THAT(given.by_closure,
               ContainsSubstring("roga: the closure of domain 2 returned a loss " + of_type));
    CHECK_THAT(given.by_forward, ContainsSubstring("roga: SharedForward returned"));
    CHECK_THAT(given.by_phases, ContainsSubstring("domain 2 got a loss " + of_type));
    for (const auto& message : {given.by_closure, given.by_forward, given.by_phases}) {
      CHECK_THAT(message, ContainsSubstring(of_type) && ContainsSubstring(advice));
    }
  }
}

TEST_CASE("loss_check: a loss that is not one number is refused", "[loss_check]") {
  for (const auto& [loss, words] : {std::pair{torch::ones({3}), "a tensor of 3 elements"},
                                    std::pair{torch::ones({0}), "a tensor of 0 elements"},
                                    std::pair{at::Tensor(), "an undefined tensor"}}) {
    const auto given = messages(loss);
    CHECK_THAT(given.by_closure, ContainsSubstring(std::string("domain 2 returned ") + words));
    CHECK_THAT(given.by_phases, ContainsSubstring(std::string("domain 2 got ") + words));
  }
  CHECK_THAT(messages(at::Tensor()).by_forward, ContainsSubstring("[K] tensor"));
}

TEST_CASE("loss_check: every floating-point type is a loss", "[loss_check]") {
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    auto w = leaf({1, 2});
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::erm(), problems::Parameters{w},
                                                   torch::optim::SGDOptions(0.5));
    optimizer.step([&] {
      auto loss = w.sum();
      loss.backward();
      return loss.to(type);
    });
    CHECK(w.equal(torch::tensor({.5, 1.5}, at::kDouble)));
    CHECK(optimizer.last_step().losses() == std::vector<double>{3});
  }
}
