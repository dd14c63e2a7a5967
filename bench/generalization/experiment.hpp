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
  Variant() {
    training.model.norm = "none";
    training.schedule.schedule = "constant";
    training.schedule.warmup_steps = 0;
  }

  std::string name;
  std::string method;       ///< settings of one method compete in the search
  std::string settings_of;  ///< another method, if this one takes what the search chose for that
  /// Method, base, learning rate and its schedule, weight decay, momentum; ema, with which averaged
  /// weights are judged beside the last ones; and model.norm, what follows each convolution: none,
  /// batch or group.
  deepfake::TrainOptions training;
  double late_start = 0;       ///< share of the steps that follow ERM first
  std::string ascent_layers;   ///< only parameters whose names begin with it ascend; empty: all
  double ascent_share = 1;     ///< of a batch's images, which gradients after a move see
  bool random_groups = false;  ///< closures of images that are shuffled over the domains
  double more_steps = 1;       ///< times the steps of the other methods
  std::string captured_rule;   ///< over RoGA's captured gradients: upgrad, cagrad or pcgrad
  double loss_budget = 0;      ///< of RoGA's radius rule; 0: none
  bool swad = false;           ///< SWAD's window of weights instead of ema's

  /// The options of a plan file.
  template <class Visit>
  void visit(Visit&& field) {
    training.visit(field);
    field("late-start", late_start, "share of the steps that follow ERM first");
    field("ascent-layers", ascent_layers, "only parameters whose names begin with it ascend");
    field("ascent-share", ascent_share, "of a batch's images, for gradients after a move");
    field("random-groups", random_groups, "closures of images shuffled over the domains");
    field("more-steps", more_steps, "times the steps of the other methods");
    field("captured-rule", captured_rule, "over RoGA's captured gradients");
    field("loss-budget", loss_budget, "of RoGA's radius rule; 0 for none");
    field("swad", swad, "SWAD's window of weights instead of ema's");
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
/// out: by accuracy, or by AUC. Initial weights and batches depend on the seed alone, so variants
/// compare in pairs.
/// @return a line of the results file: what was trained; "raw" and, with ema, "averaged", each with
/// scores, sharpness and agreement
nlohmann::ordered_json run_trial(const TrialOptions& options, const Variant& variant);

}  // namespace generalization
