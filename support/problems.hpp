// SPDX-License-Identifier: MIT
// Small problems that many tests share.
#pragma once

#include <roga/roga.hpp>
#include <roga/testing.hpp>
#include <vector>

#include "support/torch.hpp"

namespace problems {

using Parameters = std::vector<at::Tensor>;

/// A parameter with these values.
inline at::Tensor leaf(const std::vector<double>& values, at::ScalarType type = at::kDouble) {
  return torch::tensor(values, at::kDouble).to(type).requires_grad_();
}

/// The three quadratics L_k(w) = .5 (w - a_k)' H_k (w - a_k) whose one-step directions are known.
struct Quadratics {
  at::Tensor w = torch::tensor({.7, -.4}, at::kDouble).requires_grad_();
  std::vector<at::Tensor> curvatures{torch::tensor({{2., .5}, {.5, 1.}}, at::kDouble),
                                     torch::tensor({{1., -.3}, {-.3, 3.}}, at::kDouble),
                                     torch::tensor({{.5, 0.}, {0., .5}}, at::kDouble)};
  std::vector<at::Tensor> minima{torch::tensor({1., 0.}, at::kDouble),
                                 torch::tensor({0., -1.}, at::kDouble),
                                 torch::tensor({-2., 1.}, at::kDouble)};

  std::vector<roga::LossClosure> closures(const std::vector<std::size_t>& domains = {0, 1,
                                                                                     2}) const {
    std::vector<roga::LossClosure> list;
    for (const auto k : domains) {
      list.emplace_back([this, k] {
        const auto away = w - minima[k];
        auto loss = .5 * away.dot(curvatures[k].mv(away));
        loss.backward();
        return loss;
      });
    }
    return list;
  }
};

/// Layers that keep statistics and draw masks, for a Network; drawn from LibTorch's generator.
inline torch::nn::Sequential with_norm_and_dropout() {
  return torch::nn::Sequential(torch::nn::Linear(5, 8), torch::nn::BatchNorm1d(8),
                               torch::nn::Dropout(0.5), torch::nn::Tanh(), torch::nn::Linear(8, 2));
}

/// A two-layer network and one batch per domain, from a seed.
struct Network {
  torch::nn::Sequential net;
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> targets;

  explicit Network(std::int64_t domains = 3, at::ScalarType type = at::kDouble,
                   std::uint64_t seed = 7, torch::nn::Sequential layers = nullptr) {
    torch::manual_seed(seed);
    net = layers.is_empty() ? torch::nn::Sequential(torch::nn::Linear(5, 8), torch::nn::Tanh(),
                                                    torch::nn::Linear(8, 2))
                            : layers;
    net->to(type);
    for (std::int64_t k = 0; k < domains; ++k) {
      inputs.push_back(torch::randn({6, 5}, type) + 0.3 * static_cast<double>(k));
      targets.push_back(torch::randn({6, 2}, type));
    }
  }
  at::Tensor loss(std::size_t k) { return torch::mse_loss(net->forward(inputs[k]), targets[k]); }
  roga::LossClosure closure(std::size_t k) {
    return [this, k] {
      net->zero_grad();
      auto value = loss(k);
      value.backward();
      return value;
    };
  }
  std::vector<roga::LossClosure> closures() {
    std::vector<roga::LossClosure> list;
    for (std::size_t k = 0; k < inputs.size(); ++k) list.push_back(closure(k));
    return list;
  }
  Parameters parameters() const { return net->parameters(); }
  void to(at::Device device) {
    net->to(device);
    for (auto* list : {&inputs, &targets}) {
      for (auto& tensor : *list) tensor = tensor.to(device);
    }
  }
};

using roga::testing::detail::copy;
using roga::testing::detail::deviation;
using roga::testing::detail::same_bits;

}  // namespace problems
