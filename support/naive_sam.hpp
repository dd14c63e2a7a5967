// SPDX-License-Identifier: MIT
// Eighteen defects found in published implementations are each shown on the loop that everyone
// copies, which is here, and then absent in roga. The tags of these tests are [defects] and
// [defect-1] to [defect-18]; docs/guarantees.md says what each is about.
#pragma once

#include <functional>
#include <roga/roga.hpp>
#include <vector>

#include "support/torch.hpp"

namespace naive {

using Sgd = torch::optim::SGD;
using Weights = std::vector<at::Tensor>;

/// SAM as it is written by hand: two steps around the user's passes.
struct NaiveSam {
  enum class Restore { swap, subtract };
  Weights weights;
  double rho = 0.05;
  Restore how = Restore::swap;
  std::vector<at::Tensor> old = std::vector<at::Tensor>(weights.size());
  std::vector<at::Tensor> offset = std::vector<at::Tensor>(weights.size());

  void first_step() {
    const torch::NoGradGuard no_grad;
    std::vector<at::Tensor> norms;
    for (auto& w : weights) {
      if (w.grad().defined()) norms.push_back(w.grad().norm(2));
    }
    const auto scale = rho / (torch::stack(norms).norm(2) + 1e-12);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!weights[i].grad().defined()) continue;
      old[i] = weights[i].clone();
      offset[i] = weights[i].grad() * scale;
      weights[i].add_(offset[i]);
    }
  }
  void second_step(torch::optim::Optimizer& base) {
    {
      const torch::NoGradGuard no_grad;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        if (how == Restore::subtract) {
          if (offset[i].defined()) weights[i].sub_(offset[i]);
        } else if (weights[i].grad().defined()) {
          weights[i].set_data(old[i]);
        }
      }
    }
    base.step();
  }
  at::Tensor step(torch::optim::Optimizer& base, const std::function<at::Tensor()>& closure) {
    clear();
    closure();
    first_step();
    clear();
    closure();
    second_step(base);
    return {};
  }
  void clear() {
    for (auto& w : weights) w.mutable_grad() = at::Tensor();
  }
};

/// SAM of this library.
inline auto robust(const Weights& weights, double rate, double rho = 0.05) {
  return roga::wrap<Sgd>(roga::recipes::sam({.rho = rho}), weights, torch::optim::SGDOptions(rate));
}
/// The base optimizer alone.
inline Sgd plain(const Weights& weights, double rate) {
  return Sgd(weights, torch::optim::SGDOptions(rate));
}
inline roga::LossClosure square_loss(const at::Tensor& w) {
  return [w] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
}

}  // namespace naive
