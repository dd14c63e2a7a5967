// SPDX-License-Identifier: MIT
// Optimizers chosen at run time, and optimizers of the user's own.
#include <sstream>

#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Parameters;
using support::message_of;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// A base of a user's own whose options know neither a learning rate nor serialize().
struct OwnOptions : torch::optim::OptimizerCloneableOptions<OwnOptions> {};
class OwnBase : public torch::optim::Optimizer {
 public:
  explicit OwnBase(Parameters parameters, int evaluations = 1)
      : Optimizer(std::move(parameters), std::make_unique<OwnOptions>()),
        evaluations_(evaluations) {}
  at::Tensor step(LossClosure closure) override {
    at::Tensor loss;
    for (int i = 0; i < evaluations_; ++i) {
      {
        const c10::AutoGradMode enable(true);
        loss = closure();
      }
      const c10::NoGradGuard no_grad;
      for (auto& parameter : param_groups()[0].params()) parameter.sub_(parameter.grad(), 0.1);
    }
    return loss;
  }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  int evaluations_;
};

}  // namespace

TEST_CASE("wrap: an optimizer chosen at run time behaves the same", "[optimizer]") {
  Network a(3);
  Network b(3);
  auto fixed = roga::wrap<torch::optim::AdamW>(recipes::roga(), a.parameters(),
                                               torch::optim::AdamWOptions(0.01));
  std::unique_ptr<torch::optim::Optimizer> chosen =
      std::make_unique<torch::optim::AdamW>(b.parameters(), torch::optim::AdamWOptions(0.01));
  auto late = roga::wrap(std::move(chosen), recipes::roga());
  torch::optim::StepLR schedule(late.inner(), 2, 0.1);
  torch::optim::StepLR same_schedule(fixed, 2, 0.1);
  for (int step = 0; step < 5; ++step) {
    fixed.step(a.closures());
    late.step(b.closures());
    schedule.step();
    same_schedule.step();
  }
  CHECK(problems::same_bits(a.parameters(), b.parameters()));
  CHECK_THROWS_AS(roga::wrap(std::unique_ptr<torch::optim::Optimizer>(), recipes::sam()),
                  c10::Error);
}

TEST_CASE("wrap: an optimizer chosen at run time has groups and gradients", "[optimizer]") {
  auto w = leaf({1});
  auto v = leaf({2});
  auto optimizer = roga::wrap(std::unique_ptr<torch::optim::Optimizer>(std::make_unique<Sgd>(
                                  Parameters{w}, torch::optim::SGDOptions(.1))),
                              recipes::sam());
  optimizer.add_param_group(torch::optim::OptimizerParamGroup(Parameters{v}));
  CHECK(optimizer.param_groups().size() == 2);
  w.mutable_grad() = torch::ones({1}, at::kDouble);
  optimizer.zero_grad();
  CHECK((!w.grad().defined() || w.grad().item<double>() == 0));
  optimizer.step([&] {
    auto loss = (w * v).sum();
    loss.backward();
    return loss;
  });
  CHECK(v.item<double>() < 2);
  CHECK_THAT(message_of([&] { optimizer.group_radius(7, 2); }),
             ContainsSubstring("group 7 of an optimizer with 2"));

  // Groups in braces, as the base takes them.
  using Group = torch::optim::OptimizerParamGroup;
  auto grouped = roga::wrap<Sgd>(recipes::sam(), {Group(Parameters{w}), Group(Parameters{v})},
                                 torch::optim::SGDOptions(.1));
  CHECK(grouped.param_groups().size() == 2);
}

TEST_CASE("wrap: a base whose options know neither a learning rate nor serialize() works",
          "[optimizer]") {
  auto w = leaf({1, 2});
  auto closure = [&] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  auto optimizer = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  optimizer.schedule_radius(roga::schedules::linear(.1, .2, 4));
  optimizer.step(closure);
  optimizer.step(closure);
  CHECK(optimizer.last_step().radii().front() == Approx(.125));
  std::stringstream file;
  torch::save(optimizer, file);
  auto resumed = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  torch::load(resumed, file);
  resumed.schedule_radius(roga::schedules::linear(.1, .2, 4));
  resumed.step(closure);
  CHECK(resumed.last_step().radii().front() == Approx(.15));

  auto decoupled = roga::wrap<OwnBase>(recipes::wsam_decoupled(), Parameters{w});
  const auto before = w.detach().clone();
  CHECK_THAT(message_of([&] { decoupled.step(closure); }), ContainsSubstring("get_lr"));
  CHECK(problems::same_bits(w, before));

  auto twice = roga::wrap<OwnBase>(recipes::sam(), Parameters{w}, 2);
  auto step = twice.phases();
  while (step.ascend(closure())) {
  }
  CHECK_THAT(message_of([&] { step.descend(); }), ContainsSubstring("evaluates the loss several"));
}
