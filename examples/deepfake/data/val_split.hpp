// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "data/index.hpp"

namespace deepfake {

/// Makes a validation split of @p datasets from their training split, in place of the one they
/// have: a share of the people, drawn by their names alone, so that every run and every method
/// validates on the same ones. People who share a video stay together; where that ties too many
/// together, videos that show people of both sides are left out (Faults::across_splits). Data sets
/// of one family of labels (FF-DF, FF-F2F, ...) are split alike.
/// @param share of the people, in (0, 1)
/// @return what was done, a line for each family
/// @throws std::runtime_error if a data set has too few people for both sides to hold real and fake
std::vector<std::string> split_off_validation(Index& index,
                                              const std::vector<std::string>& datasets,
                                              double share);

}  // namespace deepfake
