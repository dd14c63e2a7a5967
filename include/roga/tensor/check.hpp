// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {
namespace detail {

inline void refuse(const char* option, const char* rule, double value) {
  TORCH_CHECK(false, "roga: ", option, " must be ", rule, ", got ", value);
}
/// @throws c10::Error naming the option, the rule and the value.
constexpr void require(bool holds, const char* option, const char* rule, double value) {
  if (!holds) refuse(option, rule, value);
}
inline void require_radius(const char* option, double value) {
  require(std::isfinite(value) && value >= 0, option, "finite and not negative", value);
}
inline void require_finite(const char* option, double value) {
  require(std::isfinite(value), option, "finite", value);
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
