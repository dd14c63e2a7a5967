// SPDX-License-Identifier: MIT
#include "generalization/chain.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <torch/optim/adam.h>

#include <functional>
#include <roga/roga.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "generalization/results.hpp"

namespace generalization {
namespace {

constexpr std::int64_t half = 5;
constexpr std::int64_t samples = 1000;

struct Environment {
  at::Tensor inputs;  ///< [1000, 10]: causes, then effects
  at::Tensor target;  ///< [1000, 1]
};

Environment draw(double noise, bool heteroscedastic, at::Generator& generator) {
  const auto normal = [&] { return at::randn({samples, half}, generator, at::kDouble); };
  const at::Tensor hidden = normal() * noise;
  const at::Tensor x = hidden + normal() * noise;
  const at::Tensor y = x + normal() * (heteroscedastic ? noise : 1.0);
  const at::Tensor z = y + normal() * (heteroscedastic ? 1.0 : noise);
  return {at::cat({x, z}, 1), y.sum(1, /*keepdim=*/true)};
}

/// Mean squared errors of the coefficients of causes and effects after training.
template <class Recipe>
std::pair<double, double> errors(const Recipe& recipe, bool heteroscedastic, std::uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  std::vector<Environment> environments;
  for (const double noise : {0.2, 2.0, 5.0}) {
    environments.push_back(draw(noise, heteroscedastic, generator));
  }
  at::Tensor w = at::zeros({2 * half, 1}, at::kDouble).set_requires_grad(true);
  std::vector<roga::LossClosure> closures;
  for (const Environment& one : environments) {
    closures.emplace_back([&] {
      auto loss = at::mse_loss(one.inputs.matmul(w), one.target);
      loss.backward();
      return loss;
    });
  }
  auto optimizer = roga::wrap<torch::optim::Adam>(recipe, std::vector<at::Tensor>{w},
                                                  torch::optim::AdamOptions(0.01));
  for (int step = 0; step < 3000; ++step) optimizer.step(closures);
  const at::Tensor found = w.detach().squeeze(1);
  return {(found.slice(0, 0, half) - 1).square().mean().item<double>(),
          found.slice(0, half).square().mean().item<double>()};
}

}  // namespace

std::string chain_table(bool heteroscedastic, std::uint64_t seeds) {
  namespace recipes = roga::recipes;
  std::ostringstream out;
  out << "| method | error of the causes | of the effects |\n|---|---|---|\n";
  const auto row = [&](const std::string& name, const auto& recipe) {
    std::vector<double> causes, effects;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      const auto [cause, effect] = errors(recipe, heteroscedastic, seed);
      causes.push_back(cause);
      effects.push_back(effect);
    }
    out << "| " << name << " | " << mean_with_error(causes) << " | " << mean_with_error(effects)
        << " |\n";
  };
  row("ERM", recipes::erm());
  row("SAM, rho 0.1", recipes::sam({.rho = 0.1}));
  row("SAGM", recipes::sagm());
  row("RoGA, as shipped", recipes::roga());
  row("RoGA, rho 1, w_erm 0", recipes::roga({.rho = 1, .w_erm = 0, .w_gen = 1}));
  row("GAC-FAS", recipes::gac_fas());
  row("PCGrad", recipes::pcgrad());
  row("MGDA", recipes::mgda());
  row("CAGrad", recipes::cagrad());
  row("AND-mask", recipes::and_mask());
  row("VREx", recipes::vrex());
  row("GroupDRO", recipes::group_dro());
  return out.str();
}

}  // namespace generalization
