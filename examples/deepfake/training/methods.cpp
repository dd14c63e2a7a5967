// SPDX-License-Identifier: MIT
#include "training/methods.hpp"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <roga/roga.hpp>
#include <sstream>
#include <stdexcept>
#include <type_traits>

#include "text/unknown_name.hpp"

namespace deepfake {
namespace {

namespace recipes = roga::recipes;
using Base = std::unique_ptr<torch::optim::Optimizer>;

template <class P, class C, class A>
class RecipeOptimizer : public MethodOptimizer {
 public:
  RecipeOptimizer(Base base, roga::Recipe<P, C, A> recipe)
      : optimizer_(roga::wrap(std::move(base), std::move(recipe))) {}

  StepOutcome step(std::vector<roga::LossClosure> domains) override {
    optimizer_.step(std::move(domains));
    const roga::StepReport& report = optimizer_.last_step();
    return {report.losses(), report.direction_norm(), report.skipped()};
  }
  void learning_rate(double lr) override {
    for (auto& group : optimizer_.inner().param_groups()) group.options().set_lr(lr);
  }
  void warm_up(std::int64_t steps) override { optimizer_.warm_up(steps); }
  void ascend_only(const std::vector<at::Tensor>& parameters) override {
    optimizer_.ascend_only(parameters);
  }
  void protect(const Detector& detector) override { optimizer_.protect(detector); }
  void attach(const roga::LossScaler& scaler) override { optimizer_.attach(scaler); }
  torch::optim::Optimizer& optimizer() override { return optimizer_; }

 private:
  roga::RoGAOptimizer<roga::AnyOptimizer, P, C, A> optimizer_;
};

template <class P, class C, class A>
std::unique_ptr<MethodOptimizer> wrapped(Base base, roga::Recipe<P, C, A> recipe) {
  return std::make_unique<RecipeOptimizer<P, C, A>>(std::move(base), std::move(recipe));
}

/// Calls visit(name, field) for the fields that a recipe's options have.
template <class Options, class Visit>
void visit_fields(Options& options, Visit&& visit) {
  if constexpr (requires { options.rho; }) visit("rho", options.rho);
  if constexpr (requires { options.alpha; }) visit("alpha", options.alpha);
  if constexpr (requires { options.eta; }) visit("eta", options.eta);
  if constexpr (requires { options.w_erm; }) visit("w-erm", options.w_erm);
  if constexpr (requires { options.w_gen; }) visit("w-gen", options.w_gen);
  if constexpr (requires { options.beta; }) visit("beta", options.beta);
  if constexpr (requires { options.c; }) visit("c", options.c);
  if constexpr (requires { options.gamma; }) visit("gamma", options.gamma);
  if constexpr (requires { options.k; }) visit("k", options.k);
  if constexpr (requires { options.lambda; }) visit("lambda", options.lambda);
  if constexpr (requires { options.mu; }) visit("mu", options.mu);
  if constexpr (requires { options.reuse; }) visit("reuse", options.reuse);
  if constexpr (requires { options.sigma; }) visit("sigma", options.sigma);
  if constexpr (requires { options.tau; }) visit("tau", options.tau);
}

std::optional<double>* find_option(MethodOptions& options, const std::string& name) {
  std::optional<double>* found = nullptr;
  options.visit([&](const char* field, std::optional<double>& value, const char*) {
    if (name == field) found = &value;
  });
  return found;
}

struct Method {
  std::string name;
  MethodOptions defaults;  ///< holds exactly the options that the method has
  std::function<std::unique_ptr<MethodOptimizer>(const MethodOptions&, Base)> make;
};

template <class Options, class MakeRecipe>
Method method(std::string name, MakeRecipe make_recipe) {
  Method made{std::move(name), {}, {}};
  Options defaults;
  visit_fields(defaults, [&](const char* field, auto value) {
    *find_option(made.defaults, field) = static_cast<double>(value);
  });
  made.make = [make_recipe](const MethodOptions& given, Base base) {
    Options options;
    MethodOptions copy = given;
    visit_fields(options, [&](const char* field, auto& value) {
      using Value = std::decay_t<decltype(value)>;
      const double number = find_option(copy, field)->value();
      if (std::is_integral_v<Value> && number != std::floor(number)) {
        std::ostringstream text;
        text << "option " << field << " must be a whole number, got " << number;
        throw std::runtime_error(text.str());
      }
      value = static_cast<Value>(number);
    });
    return wrapped(std::move(base), make_recipe(options));
  };
  return made;
}

struct NoOptions {};

/// Of roga in ASAM's metric, which the library has as a composition.
struct AdaptiveRogaOptions {
  double rho = 0.5;
  double eta = 0.01;
  double alpha = 2e-4;
  double w_erm = 0.5;
  double w_gen = 0.5;
};
auto adaptive_roga(AdaptiveRogaOptions options) {
  return roga::recipe(
      roga::DomainAscentIn<roga::AbsoluteParameter>{
          .rho = options.rho, .alpha = options.alpha, .metric = {.eta = options.eta}},
      roga::OwnDomain{}, roga::WeightedSum{.w_erm = options.w_erm, .w_gen = options.w_gen});
}

const std::vector<Method>& methods() {
  static const std::vector<Method> table{
      method<NoOptions>("erm", [](NoOptions) { return recipes::erm(); }),
      method<recipes::SamOptions>("sam", recipes::sam),
      method<recipes::AsamOptions>("asam", recipes::asam),
      method<recipes::GsamOptions>("gsam", recipes::gsam),
      method<recipes::SagmOptions>("sagm", recipes::sagm),
      method<recipes::WsamOptions>("wsam", recipes::wsam),
      method<recipes::WsamOptions>("wsam_decoupled", recipes::wsam_decoupled),
      method<recipes::FsamOptions>("fsam", recipes::fsam),
      method<recipes::LooksamOptions>("looksam", recipes::looksam),
      method<recipes::FisherSamOptions>("fisher_sam", recipes::fisher_sam),
      method<recipes::GamOptions>("gam", recipes::gam),
      method<recipes::MsamOptions>("msam", recipes::msam),
      method<recipes::DisamOptions>("disam", recipes::disam),
      method<recipes::GacFasOptions>("gac_fas", recipes::gac_fas),
      method<recipes::RogaOptions>("roga", recipes::roga),
      method<recipes::RogaPeriodicOptions>("roga_periodic", recipes::roga_periodic),
      method<recipes::RogaOptions>("roga_pooled", recipes::roga_pooled),
      method<AdaptiveRogaOptions>("roga_adaptive", adaptive_roga),
      method<recipes::DgsamOptions>("dgsam", recipes::dgsam),
      method<recipes::FishOptions>("fish", recipes::fish),
      method<recipes::PcgradOptions>("pcgrad", recipes::pcgrad),
      method<NoOptions>("mgda", [](NoOptions) { return recipes::mgda(); }),
      method<recipes::CagradOptions>("cagrad", recipes::cagrad),
      method<recipes::AndMaskOptions>("and_mask", recipes::and_mask),
      method<recipes::SandMaskOptions>("sand_mask", recipes::sand_mask),
      method<recipes::GroupDroOptions>("group_dro", recipes::group_dro),
      method<recipes::VrexOptions>("vrex", recipes::vrex),
      method<recipes::GradVacOptions>("grad_vac", recipes::grad_vac),
  };
  return table;
}

const Method& find_method(const std::string& name) {
  const auto found = std::ranges::find(methods(), name, &Method::name);
  if (found == methods().end()) {
    throw std::runtime_error(unknown_name("optimizer", name, method_names()));
  }
  return *found;
}

Base make_base(const TrainOptions& options, const Detector& detector) {
  const double lr = options.schedule.lr;
  const double decay = options.weight_decay;
  auto parameters = detector.parameters();
  std::erase_if(parameters, [](const at::Tensor& frozen) { return !frozen.requires_grad(); });
  if (options.base == "adamw") {
    return std::make_unique<torch::optim::AdamW>(
        parameters, torch::optim::AdamWOptions(lr).weight_decay(decay));
  }
  if (options.base == "adam") {
    return std::make_unique<torch::optim::Adam>(parameters,
                                                torch::optim::AdamOptions(lr).weight_decay(decay));
  }
  return std::make_unique<torch::optim::SGD>(
      parameters, torch::optim::SGDOptions(lr).momentum(options.momentum).weight_decay(decay));
}

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& known : methods()) names.push_back(known.name);
  return names;
}

MethodOptions effective_options(const std::string& optimizer, const MethodOptions& given) {
  MethodOptions result = find_method(optimizer).defaults;
  MethodOptions copy = given;
  copy.visit([&](const char* name, const std::optional<double>& value, const char*) {
    if (!value) return;
    std::optional<double>& field = *find_option(result, name);
    if (!field) throw std::runtime_error("method " + optimizer + " has no option " + name);
    field = value;
  });
  return result;
}

std::unique_ptr<MethodOptimizer> make_optimizer(const TrainOptions& options, Detector& detector) {
  auto optimizer =
      find_method(options.optimizer)
          .make(effective_options(options.optimizer, options.method), make_base(options, detector));
  if (options.protect) optimizer->protect(detector);
  return optimizer;
}

}  // namespace deepfake
