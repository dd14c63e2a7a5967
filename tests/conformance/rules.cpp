// SPDX-License-Identifier: MIT
#include "rules.hpp"

#include <ATen/ATen.h>
#include <ATen/core/ivalue.h>
#include <ATen/Parallel.h>
#include <torch/optim/sgd.h>

#include <cstdint>
#include <roga/roga.hpp>
#include <string_view>

namespace conformance {
namespace {

namespace recipes = roga::recipes;

/// A build may contain one rule only: one engine compiles fast.
#ifndef ROGA_ONLY_RULE
#define ROGA_ONLY_RULE ""
#endif
constexpr bool built(std::string_view rule) {
  constexpr std::string_view only = ROGA_ONLY_RULE;
  return only.empty() || only == rule;
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

/// visit(recipe); false if there is no such rule.
template <class Visit>
bool with_recipe(const std::string& rule, const Hyper& hyper, Visit&& visit) {
  auto h = [&](const char* name) {
    const auto found = hyper.find(name);
    TORCH_CHECK(found != hyper.end(), "roga_conformance: rule '", rule, "' needs '", name, "'");
    return found->second;
  };
  auto whole = [&](const char* name) { return static_cast<std::int64_t>(h(name)); };
  const roga::Order in_order{.fixed = true};
#define ROGA_RULE(name, ...)   \
  if constexpr (built(name)) { \
    if (rule == (name)) {      \
      visit(__VA_ARGS__);      \
      return true;             \
    }                          \
  }
  ROGA_RULE("erm", recipes::erm())
  ROGA_RULE("sam", recipes::sam({.rho = h("rho")}))
  ROGA_RULE("asam", recipes::asam({.rho = h("rho"), .eta = h("eta")}))
  ROGA_RULE("gsam", recipes::gsam({.rho = h("rho"), .alpha = h("alpha")}))
  ROGA_RULE("sagm", recipes::sagm({.rho = h("rho"), .alpha = h("alpha")}))
  ROGA_RULE("wsam", recipes::wsam({.rho = h("rho"), .gamma = h("gamma")}))
  ROGA_RULE("wsam_decoupled", recipes::wsam_decoupled({.rho = h("rho"), .gamma = h("gamma")}))
  ROGA_RULE("fsam", recipes::fsam({.rho = h("rho"), .sigma = h("sigma"), .lambda = h("lambda")}))
  ROGA_RULE("looksam", recipes::looksam({.rho = h("rho"), .k = whole("k"), .alpha = h("alpha")}))
  ROGA_RULE("fishersam", recipes::fisher_sam({.rho = h("rho"), .eta = h("eta")}))
  ROGA_RULE("gam", recipes::gam({.rho = h("rho"),
                                 .rho_grad = h("rho_grad"),
                                 .a = h("a"),
                                 .b = h("b"),
                                 .gamma = h("gamma")}))
  ROGA_RULE("msam", recipes::msam({.rho = h("rho"), .mu = h("mu")}))
  ROGA_RULE("disam", recipes::disam({.rho = h("rho"), .lambda = h("lambda")}))
  ROGA_RULE("gacfas", recipes::gac_fas({.rho = h("rho"), .alpha = h("alpha")}))
  ROGA_RULE("roga_own",
            recipes::roga(
                {.rho = h("rho"), .alpha = h("alpha"), .w_erm = h("w_erm"), .w_gen = h("w_gen")}))
  ROGA_RULE("roga_periodic",
            recipes::roga_periodic(
                {.rho = h("rho"), .alpha = h("alpha"), .k = whole("k"), .reuse = h("reuse")}))
  ROGA_RULE("roga_pooled",
            recipes::roga_pooled(
                {.rho = h("rho"), .alpha = h("alpha"), .w_erm = h("w_erm"), .w_gen = h("w_gen")}))
  ROGA_RULE("dgsam", recipes::dgsam({.rho = h("rho"), .order = in_order}))
  ROGA_RULE("fish", recipes::fish({.beta = h("beta"), .order = in_order}))
  ROGA_RULE("pcgrad", recipes::pcgrad({.order = in_order}))
  ROGA_RULE("grad_vac", recipes::grad_vac({.beta = h("beta"), .order = in_order}))
  ROGA_RULE("mgda", recipes::mgda())
  ROGA_RULE("cagrad", recipes::cagrad({.c = h("c")}))
  ROGA_RULE("andmask", recipes::and_mask({.tau = h("tau")}))
  ROGA_RULE("sand_mask", recipes::sand_mask({.tau = h("tau"), .k = h("k")}))
  ROGA_RULE("groupdro", recipes::group_dro({.eta = h("eta")}))
  ROGA_RULE("vrex", recipes::vrex({.lambda = h("lambda")}))
#undef ROGA_RULE
  return false;
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
