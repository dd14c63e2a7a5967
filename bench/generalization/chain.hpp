// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace generalization {

/// The chain x -> y -> z of Arjovsky et al. (arXiv 1907.02893, section 5.1) with noise that differs
/// between three environments (0.2, 2, 5): five causes x, five effects z, 1000 samples for each
/// environment, a linear model for sum(y). A model that minimises the pooled error relies on the
/// effects, whose relation to y depends on the environment.
/// @param heteroscedastic whether the environment's noise enters y, or z
/// @return a Markdown table: mean squared errors of the coefficients of causes and effects, mean
/// and standard error over seeds
std::string chain_table(bool heteroscedastic, std::uint64_t seeds);

}  // namespace generalization
