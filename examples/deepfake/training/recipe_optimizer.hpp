// SPDX-License-Identifier: MIT
// Any recipe, also one without a name, behind the interface of MethodOptimizer.
#pragma once

#include <memory>
#include <roga/optimizer.hpp>
#include <utility>
#include <vector>

#include "training/methods.hpp"

namespace deepfake {

template <class P, class C, class A>
class RecipeOptimizer : public MethodOptimizer {
 public:
  RecipeOptimizer(std::unique_ptr<torch::optim::Optimizer> base, roga::Recipe<P, C, A> recipe)
      : optimizer_(roga::wrap(std::move(base), std::move(recipe))) {}

  StepOutcome step(std::vector<roga::LossClosure> domains) override {
    optimizer_.step(std::move(domains));
    const roga::StepReport& report = optimizer_.last_step();
    return {report.losses(), report.direction_norm(), report.skipped()};
  }
  void learning_rate(double lr) override {
    for (auto& group : optimizer_.param_groups()) group.options().set_lr(lr);
  }
  void warm_up(std::int64_t steps) override { optimizer_.warm_up(steps); }
  void ascend_only(const std::vector<at::Tensor>& parameters) override {
    optimizer_.ascend_only(parameters);
  }
  void protect(const Detector& detector) override { optimizer_.protect(detector); }
  void attach(const roga::LossScaler& scaler) override { optimizer_.attach(scaler); }
  void distribute(const roga::Distribution& distribution) override {
    optimizer_.distribute(distribution);
  }
  torch::optim::Optimizer& optimizer() override { return optimizer_; }

 private:
  roga::RoGAOptimizer<roga::AnyOptimizer, P, C, A> optimizer_;
};

template <class P, class C, class A>
std::unique_ptr<MethodOptimizer> wrapped(std::unique_ptr<torch::optim::Optimizer> base,
                                         roga::Recipe<P, C, A> recipe) {
  return std::make_unique<RecipeOptimizer<P, C, A>>(std::move(base), std::move(recipe));
}

}  // namespace deepfake
