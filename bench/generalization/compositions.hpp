// SPDX-License-Identifier: MIT
// Compositions around RoGA that have no recipe of their own.
#pragma once

#include <memory>

#include "generalization/experiment.hpp"
#include "training/methods.hpp"

namespace generalization {

/// What a variant trains with: the method that its training options name or, if it has a rule for
/// captured gradients or a loss budget, a composition with RoGA's ascent points.
/// @throws std::runtime_error for an unknown rule, or if such a variant's optimizer is not roga
std::unique_ptr<deepfake::MethodOptimizer> make_optimizer(const Variant& variant,
                                                          deepfake::Detector& net);

}  // namespace generalization
