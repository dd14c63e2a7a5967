// SPDX-License-Identifier: MIT
#include "rules.hpp"

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>
#include <ATen/Parallel.h>
#include <torch/optim/sgd.h>

#include <cstdint>
#include <roga/roga.hpp>
#include <string_view>
#include <type_traits>

namespace conformance {
namespace {

/// Trajectory files leave out underscores here and there, and call roga by what it captures.
constexpr bool means(std::string_view rule, std::string_view recipe) {
  if (rule == "roga_own") rule = "roga";
  std::size_t at = 0;
  auto next = [&] {
    while (at < rule.size() && rule[at] == '_') ++at;
    return at < rule.size() ? rule[at++] : '\0';
  };
  for (const char letter : recipe) {
    if (letter != '_' && letter != next()) return false;
  }
  return next() == '\0';
}

/// A build may contain one rule only: one engine compiles fast.
#ifndef ROGA_ONLY_RULE
#define ROGA_ONLY_RULE ""
#endif
constexpr bool built(std::string_view recipe) {
  constexpr std::string_view only = ROGA_ONLY_RULE;
  return only.empty() || means(only, recipe);
}

class Quadratics {
 public:
  explicit Quadratics(const Problem& problem) {
    const auto start = at::tensor(problem.start, at::kDouble);
    std::int64_t begin = 0;
    for (const std::size_t size : problem.split) {
      const auto length = static_cast<std::int64_t>(size);
      parameters_.push_back(start.narrow(0, begin, length).clone().set_requires_grad(true));
      begin += length;
    }
    TORCH_CHECK(begin == start.numel(), "roga_conformance: 'split' adds up to ", begin,
                ", 'w0' has ", start.numel(), " entries");
    for (const auto& rows : problem.curvatures) {
      std::vector<at::Tensor> stacked;
      stacked.reserve(rows.size());
      for (const auto& row : rows) stacked.push_back(at::tensor(row, at::kDouble));
      curvatures_.push_back(at::stack(stacked));
    }
    for (const auto& minimum : problem.minima) {
      minima_.push_back(at::tensor(minimum, at::kDouble));
    }
  }

  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  std::vector<roga::LossClosure> closures() const {
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < minima_.size(); ++k) {
      closures.emplace_back([this, k] {
        const auto away = at::cat(parameters_) - minima_[k];
        auto loss = 0.5 * away.dot(curvatures_[k].mv(away));
        loss.backward();
        return loss;
      });
    }
    return closures;
  }

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> curvatures_;
  std::vector<at::Tensor> minima_;
};

Vector numbers(const std::vector<at::Tensor>& parts) {
  const auto flat = at::cat(parts).detach().contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

template <class Recipe>
Trajectory run_recipe(const Recipe& recipe, const Problem& problem, double lr, int steps) {
  const Quadratics quadratics(problem);
  auto optimizer =
      roga::wrap<torch::optim::SGD>(recipe, quadratics.parameters(), torch::optim::SGDOptions(lr));
  Trajectory trajectory;
  for (int step = 0; step < steps; ++step) {
    optimizer.step(quadratics.closures());
    if (step == 0) {
      std::vector<at::Tensor> direction;
      for (const auto& parameter : quadratics.parameters()) direction.push_back(parameter.grad());
      trajectory.first_direction = numbers(direction);
    }
    trajectory.points.push_back(numbers(quadratics.parameters()));
  }
  return trajectory;
}

/// The options that a file names. It names every number; a flag or a seed that it leaves out keeps
/// its default, but for the order of the domains, which is always the given one.
template <class Options>
Options options_from(const std::string& rule, Hyper hyper) {
  Options options;
  Options::fields(options, [&](const std::string& name, auto& option, auto...) {
    using Option = std::decay_t<decltype(option)>;
    if constexpr (std::is_same_v<Option, bool>) option = option || name == "order_fixed";
    if (const auto given = hyper.extract(name)) {
      option = static_cast<Option>(given.mapped());
    } else {
      constexpr bool number = !std::is_unsigned_v<Option>;  // bool is unsigned as well
      TORCH_CHECK(!number, "roga_conformance: rule '", rule, "' needs '", name, "'");
    }
  });
  TORCH_CHECK(hyper.empty(), "roga_conformance: rule '", rule, "' has no '",
              hyper.empty() ? "" : hyper.begin()->first, "'");
  return options;
}

/// visit(recipe); false if there is no such rule.
template <class Visit>
bool with_recipe(const std::string& rule, const Hyper& hyper, Visit&& visit) {
  bool found = false;
  roga::recipes::for_each([&](auto method) {
    using Method = decltype(method);
    if constexpr (built(Method::traits.name)) {
      if (found || !means(rule, Method::traits.name)) return;
      found = true;
      visit(method(options_from<typename Method::Options>(rule, hyper)));
    }
  });
  return found;
}

}  // namespace

Trajectory run(const std::string& rule, const Hyper& hyper, const Problem& problem, double lr,
               int steps) {
  at::set_num_threads(1);
  Trajectory trajectory;
  const bool known = with_recipe(rule, hyper, [&](const auto& recipe) {
    trajectory = run_recipe(recipe, problem, lr, steps);
  });
  TORCH_CHECK(known, "roga_conformance: unknown rule '", rule, "'");
  return trajectory;
}

}  // namespace conformance
