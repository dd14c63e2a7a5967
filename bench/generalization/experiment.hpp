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
  Variant() { training.model.norm = "none"; }

  std::string name;
  std::string method;  ///< settings of one method compete on validation images
  /// Method, base, learning rate, weight decay, momentum; averaged weights, which are then
  /// evaluated; and model.norm, what follows each convolution: none, batch or group.
  deepfake::TrainOptions training;
  double late_start = 0;      ///< share of the steps that follow ERM first
  std::string ascent_layers;  ///< only parameters whose names begin with it ascend; empty: all
  double ascent_share = 1;    ///< of a batch's images, which gradients after a move see

  /// The options of a plan file.
  template <class Visit>
  void visit(Visit&& field) {
    training.visit(field);
    field("late-start", late_start, "share of the steps that follow ERM first");
    field("ascent-layers", ascent_layers, "only parameters whose names begin with it ascend");
    field("ascent-share", ascent_share, "of a batch's images, for gradients after a move");
  }
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
