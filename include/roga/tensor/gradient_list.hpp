// SPDX-License-Identifier: MIT
#pragma once

#include <roga/tensor/torch.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// One tensor per parameter, in the optimizer's order; undefined where a parameter has none.
using GradientList = std::vector<at::Tensor>;

}  // namespace v1
}  // namespace roga
