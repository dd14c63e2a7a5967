// SPDX-License-Identifier: MIT
#include "training/progression.hpp"

#include <algorithm>

namespace deepfake {

void Progression::add(const StepOutcome& outcome) {
  ++step;
  if (outcome.skipped) {
    ++skipped;
    ++skipped_in_a_row;
    return;
  }
  skipped_in_a_row = 0;
  ++summed_steps;
  summed_norm += outcome.direction_norm;
  for (std::size_t k = 0; k < outcome.losses.size(); ++k) summed_losses[k] += outcome.losses[k];
}

void Progression::begin_row() {
  summed_steps = 0;
  summed_norm = 0;
  std::ranges::fill(summed_losses, 0.0);
}

nlohmann::ordered_json to_json(const Progression& now) {
  return {{"step", now.step},
          {"skipped", now.skipped},
          {"skipped_in_a_row", now.skipped_in_a_row},
          {"best_epoch", now.best_epoch},
          {"best_auc", now.best_auc},
          {"summed_steps", now.summed_steps},
          {"summed_norm", now.summed_norm},
          {"summed_losses", now.summed_losses}};
}

Progression progression(const nlohmann::ordered_json& json) {
  return {json.at("step"),        json.at("skipped"),      json.at("skipped_in_a_row"),
          json.at("best_epoch"),  json.at("best_auc"),     json.at("summed_steps"),
          json.at("summed_norm"), json.at("summed_losses")};
}

}  // namespace deepfake
