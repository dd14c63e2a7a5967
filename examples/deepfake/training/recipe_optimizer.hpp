// SPDX-License-Identifier: MIT
// From options to a recipe; and any recipe, also one without a name, behind the interface of
// MethodOptimizer.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <roga/optimizer.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "training/methods.hpp"

namespace deepfake {

/// The value of an option that with_defaults() has filled.
/// @throws std::runtime_error if the recipe takes a whole number and got another one
template <class T>
T value_of(const MethodOptions& options, const std::string& name) {
  const auto value = std::get<MethodOption::Held<T>>(options[name]).value();
  if constexpr (std::is_same_v<T, std::int64_t>) {
    constexpr double exact = 1LL << 53;  // up to here a double holds every one
    if (value != std::floor(value) || std::abs(value) > exact) {
      std::ostringstream text;
      text << "option " << name << " must be a whole number, got " << value;
      throw std::runtime_error(text.str());
    }
  }
  return static_cast<T>(value);
}

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
