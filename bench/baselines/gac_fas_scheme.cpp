// SPDX-License-Identifier: MIT
#include "gac_fas_scheme.hpp"

#include <cmath>

namespace bench {
namespace {

std::vector<at::Tensor> take_gradients(std::vector<at::Tensor>& parameters) {
  std::vector<at::Tensor> gradients;
  for (auto& p : parameters) {
    gradients.push_back(p.grad().clone());
    p.grad().zero_();
  }
  return gradients;
}

}  // namespace

void GacFasScheme::step(torch::optim::Optimizer& base) {
  auto& model = models_.front();
  const std::size_t domains = models_.size() - 1;
  base.zero_grad();
  const at::Tensor losses = losses_(0);
  std::vector<std::vector<at::Tensor>> own;
  for (std::size_t k = 0; k < domains; ++k) {
    losses.select(0, static_cast<std::int64_t>(k)).backward({}, /*retain_graph=*/true);
    own.push_back(take_gradients(model));
  }
  losses.mean().backward();
  const auto mean = take_gradients(model);

  for (std::size_t k = 0; k < domains; ++k) {
    auto& copy = models_[k + 1];
    double squares = 0;
    for (const auto& g : own[k]) squares += std::pow(g.norm().item<double>(), 2);
    {
      const at::NoGradGuard no_grad;
      for (std::size_t i = 0; i < copy.size(); ++i) {
        copy[i].copy_(model[i]);
        copy[i].add_(own[k][i], rho_ / (std::sqrt(squares) + 1e-12));
        copy[i].sub_(mean[i], alpha_);
        if (copy[i].grad().defined()) copy[i].grad().zero_();
      }
    }
    losses_(k + 1).mean().backward();
  }

  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < model.size(); ++i) {
    model[i].grad().copy_(mean[i]);
    for (std::size_t k = 0; k < domains; ++k) {
      model[i].grad().add_(models_[k + 1][i].grad(), 1.0 / static_cast<double>(domains));
    }
  }
  base.step();
}

}  // namespace bench
