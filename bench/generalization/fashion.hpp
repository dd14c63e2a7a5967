// SPDX-License-Identifier: MIT
// Domains made of Fashion-MNIST: real images, the shift between them known.
#pragma once

#include "generalization/problem.hpp"

namespace generalization {

/// @param family rotated or coloured
std::vector<std::string> fashion_domains(const std::string& family);

/// The base images are split first: no image appears in two domains or two splits. The test images
/// come from Fashion-MNIST's own test set.
Problem fashion_problem(const ProblemOptions& options);

}  // namespace generalization
