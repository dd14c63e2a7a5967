// SPDX-License-Identifier: MIT
// What a perturbation policy asks for, checked before the weights move.
#pragma once

#include <cmath>
#include <cstddef>
#include <roga/engine/non_finite.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/step_data.hpp>
#include <roga/tensor/scalar.hpp>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {
namespace detail {

/// How many points a policy asks for.
/// @throws c10::Error if the number is negative
template <Count Number>
std::size_t count_of_points(Number points) {
  if constexpr (std::signed_integral<Number>) {
    TORCH_CHECK(points >= 0, "roga: the perturbation policy's points() returned ", points,
                "; the number of points cannot be negative");
  }
  return static_cast<std::size_t>(points);
}

/// Checks the radius of a policy's point j, if it is known on the host. One that is not finite is
/// the policy's fault only at the first point, and only if losses and gradients are checked on the
/// host: they were finite until here. Otherwise it counts as any number that is not finite.
/// @throws c10::Error if it is negative, or not finite by the policy's fault
inline void check_radius(const Scalar& radius, std::size_t j, const StepData& data,
                         NonFinite rule) {
  if (!radius.on_host()) return;
  const double value = radius.value();
  if (std::isfinite(value) && value >= 0) return;
  const bool read_on_host = data.losses.empty() || data.losses.front().on_host();
  const bool its_own = j == 0 && rule != NonFinite::ignore && read_on_host;
  TORCH_CHECK(!std::isfinite(value) && !its_own, "roga: point ", j,
              " of the perturbation policy has the radius ", value,
              "; a radius must be finite and not negative: let the policy's validate() refuse "
              "hyper-parameters that give others");
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
