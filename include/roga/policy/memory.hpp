// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <roga/tensor/gradient_list.hpp>
#include <string>
#include <vector>

namespace roga {
inline namespace v1 {

/// What a recipe carries from step to step: named rows and named numbers (LookSAM's stored
/// direction, GroupDRO's weights). The optimizer owns it and saves it with its checkpoint; rows are
/// replaced and never written in place, so a copy of a Memory is a snapshot.
struct Memory {
  std::map<std::string, GradientList> rows;            ///< gradients, by name
  std::map<std::string, std::vector<double>> numbers;  ///< by name
  std::int64_t step = 0;                               ///< steps finished
};

}  // namespace v1
}  // namespace roga
