// SPDX-License-Identifier: MIT
// The six LibTorch optimizers with settings that use their state.
#pragma once

#include "support/torch.hpp"

namespace bases {

struct Sgd {
  using Type = torch::optim::SGD;
  static auto options() {
    return torch::optim::SGDOptions(0.05).momentum(0.9).nesterov(true).weight_decay(1e-3);
  }
};
struct Adam {
  using Type = torch::optim::Adam;
  static auto options() { return torch::optim::AdamOptions(0.01).weight_decay(1e-3).amsgrad(true); }
};
struct AdamW {
  using Type = torch::optim::AdamW;
  static auto options() { return torch::optim::AdamWOptions(0.01).weight_decay(1e-2); }
};
struct Adagrad {
  using Type = torch::optim::Adagrad;
  static auto options() { return torch::optim::AdagradOptions(0.05).lr_decay(1e-2); }
};
struct RmsProp {
  using Type = torch::optim::RMSprop;
  static auto options() { return torch::optim::RMSpropOptions(0.01).momentum(0.5).centered(true); }
};
struct Lbfgs {
  using Type = torch::optim::LBFGS;
  static auto options() { return torch::optim::LBFGSOptions(0.5).max_iter(4).history_size(3); }
};

}  // namespace bases
