// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <roga/tensor/gradient_list.hpp>
#include <string>
#include <vector>

namespace roga {
inline namespace v1 {

/// The place of a policy in a recipe.
enum class Role : unsigned char { perturbation, capture, alignment };
/// How many roles there are.
inline constexpr std::size_t role_count = 3;

/// What one policy carries from step to step: named rows and named numbers (LookSAM's stored
/// direction, GroupDRO's weights). Rows are replaced and never written in place, so a copy of a
/// Memory is a snapshot.
struct Memory {
  std::map<std::string, GradientList> rows;            ///< gradients, by name
  std::map<std::string, std::vector<double>> numbers;  ///< by name
};

/// One memory for each role: two policies of a recipe may use the same name.
using Memories = std::array<Memory, role_count>;

}  // namespace v1
}  // namespace roga
