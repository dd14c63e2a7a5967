// SPDX-License-Identifier: MIT
#include "training/methods.hpp"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <functional>
#include <roga/roga.hpp>
#include <stdexcept>
#include <type_traits>

#include "text/unknown_name.hpp"
#include "training/recipe_optimizer.hpp"

namespace deepfake {
namespace {

using Base = std::unique_ptr<torch::optim::Optimizer>;

std::string with_dashes(std::string name) {
  std::ranges::replace(name, '_', '-');
  return name;
}

struct Method {
  std::string name;
  MethodOptions defaults;  ///< holds exactly the options that the method has
  std::function<std::unique_ptr<MethodOptimizer>(const MethodOptions&, Base)> make;
};

template <roga::Method OfLibrary>
Method method(OfLibrary recipe) {
  using Options = typename OfLibrary::Options;
  Method made{std::string(OfLibrary::traits.name), {}, {}};
  Options defaults;
  Options::fields(defaults, [&](const char* name, const auto& value, auto...) {
    using Value = std::decay_t<decltype(value)>;
    made.defaults[with_dashes(name)] = MethodOption::Held<Value>(
        static_cast<typename MethodOption::Held<Value>::value_type>(value));
  });
  made.make = [recipe](const MethodOptions& given, Base base) {
    Options options;
    Options::fields(options, [&](const char* name, auto& value, auto...) {
      value = value_of<std::decay_t<decltype(value)>>(given, with_dashes(name));
    });
    return wrapped(std::move(base), recipe(options));
  };
  return made;
}

const std::vector<Method>& methods() {
  static const std::vector<Method> table = [] {
    std::vector<Method> all;
    roga::recipes::for_each([&](auto recipe) { all.push_back(method(recipe)); });
    return all;
  }();
  return table;
}

const Method& find_method(const std::string& name) {
  const auto found = std::ranges::find(methods(), name, &Method::name);
  if (found == methods().end()) {
    throw std::runtime_error(unknown_name("optimizer", name, method_names()));
  }
  return *found;
}

}  // namespace

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const Method& known : methods()) names.push_back(known.name);
  return names;
}

MethodOptions effective_options(const std::string& optimizer, const MethodOptions& given) {
  MethodOptions result = find_method(optimizer).defaults;
  for (const MethodOption& option : given.all()) {
    if (!is_given(option.value)) continue;
    MethodOption::Value& value = result[option.name];
    if (!is_given(value)) {
      throw std::runtime_error("method " + optimizer + " has no option " + option.name);
    }
    value = option.value;
  }
  return result;
}

TrainOptions with_defaults(TrainOptions options) {
  options.method = effective_options(options.optimizer, options.method);
  return options;
}

std::unique_ptr<torch::optim::Optimizer> make_base(const TrainOptions& options,
                                                   const Detector& detector) {
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

std::unique_ptr<MethodOptimizer> make_optimizer(const TrainOptions& options, Detector& detector) {
  auto optimizer =
      find_method(options.optimizer)
          .make(effective_options(options.optimizer, options.method), make_base(options, detector));
  if (options.protect) optimizer->protect(detector);
  return optimizer;
}

}  // namespace deepfake
