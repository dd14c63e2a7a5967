// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "generalization/fashion.hpp"
#include "training/options.hpp"

namespace generalization {

/// One way to train: a method of the plan file with one setting of its grid.
struct Variant {
  std::string name;
  std::string method;               ///< settings of one method compete on validation images
  deepfake::TrainOptions training;  ///< method, base, learning rate, weight decay, momentum
  double ema = 0;                   ///< decay of averaged weights, which are then judged; 0: none
  double late_start = 0;            ///< share of the steps that follow ERM first
  std::string norm = "none";        ///< after each convolution: none, batch or group
  std::string ascent_layers;        ///< only parameters whose names begin so ascend; empty: all
  double ascent_share = 1;          ///< of a batch's images, which gradients after a move see
};

struct TrialOptions {
  ProblemOptions problem;
  std::int64_t steps = 700;
  std::int64_t batch = 32;  ///< images of each domain and step
};

/// Trains once and judges on the validation images of the training domains and on the held-out
/// domain. Initial weights and batches depend on the seed alone, so variants compare in pairs.
/// @return a line of the results file
nlohmann::ordered_json run_trial(const TrialOptions& options, const Variant& variant);

}  // namespace generalization
