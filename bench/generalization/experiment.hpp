// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "generalization/problem.hpp"
#include "training/options.hpp"

namespace generalization {

/// One way to train: a method of the plan file with one setting of its grid.
struct Variant {
  Variant() { training.model.norm = "none"; }

  std::string name;
  std::string method;       ///< settings of one method compete in the search
  std::string settings_of;  ///< another method, if this one takes what the search chose for that
  /// Method, base, learning rate, weight decay, momentum; ema, with which averaged weights are
  /// judged beside the last ones; and model.norm, what follows each convolution: none, batch or
  /// group.
  deepfake::TrainOptions training;
  double late_start = 0;       ///< share of the steps that follow ERM first
  std::string ascent_layers;   ///< only parameters whose names begin with it ascend; empty: all
  double ascent_share = 1;     ///< of a batch's images, which gradients after a move see
  bool random_groups = false;  ///< closures of images that are shuffled over the domains
  double more_steps = 1;       ///< times the steps of the other methods

  /// The options of a plan file.
  template <class Visit>
  void visit(Visit&& field) {
    training.visit(field);
    field("late-start", late_start, "share of the steps that follow ERM first");
    field("ascent-layers", ascent_layers, "only parameters whose names begin with it ascend");
    field("ascent-share", ascent_share, "of a batch's images, for gradients after a move");
    field("random-groups", random_groups, "closures of images shuffled over the domains");
    field("more-steps", more_steps, "times the steps of the other methods");
  }
};

struct TrialOptions {
  ProblemOptions problem;
  std::int64_t steps = 700;
  std::int64_t batch = 32;  ///< images of each domain and step
};

/// The instruction set that the environment asks LibTorch for (ATEN_CPU_CAPABILITY); empty:
/// whatever the machine has.
std::string arithmetic();

/// Trains once and judges on the validation images of the training domains and on what was left
/// out. Initial weights and batches depend on the seed alone, so variants compare in pairs.
/// @return a line of the results file: what was trained; "raw" and, with ema, "averaged", each with
/// accuracies, sharpness and agreement
nlohmann::ordered_json run_trial(const TrialOptions& options, const Variant& variant);

}  // namespace generalization
