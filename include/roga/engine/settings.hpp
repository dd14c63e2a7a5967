// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <roga/engine/non_finite.hpp>
#include <roga/tensor/torch.hpp>
#include <unordered_set>
#include <vector>

namespace roga {
inline namespace v1 {

/// What the pass at theta does with parameters that do not ascend, where only the ascent reads its
/// gradient.
enum class Bystanders : unsigned char {
  in_graph,      ///< computes their gradients, as everywhere
  out_of_graph,  ///< leaves out their share of the backward pass
};

namespace detail {

/// Where the copy of theta is kept.
enum class Backup : unsigned char {
  beside_the_weights,  ///< on their device
  on_host,             ///< in pinned memory
};

/// The user's settings besides the recipe.
struct Settings {
  NonFinite non_finite = NonFinite::skip;
  bool diagnose = false;
  Backup backup = Backup::beside_the_weights;
  std::int64_t warm_up = 0;              ///< steps that follow the ERM gradient
  double max_norm = INFINITY;            ///< of the direction
  std::vector<double> group_factors;     ///< radius of each parameter group, relative
  std::unordered_set<const void*> only;  ///< parameters that ascend; all where empty
  Bystanders bystanders = Bystanders::in_graph;

  bool ascends(const at::Tensor& parameter) const {
    return only.empty() || only.contains(parameter.unsafeGetTensorImpl());
  }
  double group_factor(std::size_t group) const {
    return group < group_factors.size() ? group_factors[group] : 1.0;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
