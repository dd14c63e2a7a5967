// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/engine/non_finite.hpp>
#include <roga/tensor/scalar.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// What a step records; StepReport shows it to the user.
struct StepRecord {
  std::int64_t step = 0;
  std::size_t evaluations = 0;
  std::size_t points = 0;
  bool skipped = false;
  std::optional<NonFinitePlace> not_finite;  ///< why
  std::int64_t skipped_in_a_row = 0;
  std::vector<Scalar> losses;
  std::vector<Scalar> ascent_norms;
  std::vector<Scalar> radii;
  Scalar direction_norm;
  std::optional<Scalar> cosine;
  std::vector<std::vector<Scalar>> domain_cosines;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
