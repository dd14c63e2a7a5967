// SPDX-License-Identifier: MIT
// The parts of the report. Each returns a whole <section>, or nothing where there is nothing to
// say.
#pragma once

#include <string>

#include "report/comparison.hpp"

namespace deepfake {

std::string summary_section(const Comparison& comparison);
std::string heat_map_section(const Comparison& comparison);
std::string training_section(const Comparison& comparison);
std::string roc_section(const Comparison& comparison);
std::string histogram_section(const Comparison& comparison);
/// A real frame, the fakes made from it, and the first run's scores of them. Data that is gone is
/// a remark, not an error.
std::string examples_section(const Comparison& comparison);
/// Pictures of the forgeries that were made while training.
std::string pseudo_section(const Comparison& comparison);
/// audit.csv of a run folder or of the data's folder: a column "statistic", then one per domain.
std::string audit_section(const Comparison& comparison);
/// Differences from the baseline, by bootstrap over the test videos.
std::string paired_section(const Comparison& comparison);
/// Size and kind of the tests, what they share with training, and what the data lacks.
std::string trust_section(const Comparison& comparison);
std::string left_out_section(const Comparison& comparison);
std::string calibration_section(const Comparison& comparison);
std::string gradcam_section(const Comparison& comparison);
std::string robustness_section(const Comparison& comparison);
std::string all_metrics_section(const Comparison& comparison);
std::string configuration_section(const Comparison& comparison);
std::string glossary_section();

/// Line style of a group: neutral for ERM, the baseline.
std::size_t style_of(const Comparison& comparison, const RunGroup& group);

}  // namespace deepfake
