// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/concepts.hpp>
#include <utility>

namespace roga {
inline namespace v1 {

/// A method: where to look, what to evaluate there, which direction to take. A plain value.
template <PerturbationPolicy P, CapturePolicy C, AlignmentPolicy A>
struct Recipe {
  P perturbation;  ///< where to look
  C capture;       ///< what to evaluate there
  A alignment;     ///< which direction to hand on
};

/// Composes any three policies, the user's own included: no registration, no base class.
template <PerturbationPolicy P, CapturePolicy C, AlignmentPolicy A>
constexpr Recipe<P, C, A> recipe(P perturbation, C capture, A alignment) {
  return {std::move(perturbation), std::move(capture), std::move(alignment)};
}

}  // namespace v1
}  // namespace roga
