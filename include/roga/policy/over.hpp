// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// Which rows an alignment rule aligns: the domains' gradients at theta, as its paper has it, or
/// the captured ones, which composes it with an ascent.
enum class Over : unsigned char { domains, captured };

namespace detail {

constexpr Reads reads_of(Over over) {
  return over == Over::domains ? Reads::domains : Reads::captured;
}
constexpr Row row_of(Over over, std::size_t k) {
  return over == Over::domains ? domain(k) : captured(k);
}
inline std::size_t count_of(Over over, const Step& step) {
  return over == Over::domains ? step.domains() : step.points();
}
/// sum_k weights[k] row_k
inline Combination weighted(Over over, const std::vector<double>& weights) {
  Combination sum;
  for (std::size_t k = 0; k < weights.size(); ++k) sum = sum + weights[k] * row_of(over, k);
  return sum;
}
/// <row_i, row_j>, [K][K], on the host. A row whose square underflows counts as zero.
/// @throws c10::Error without a row
inline std::vector<std::vector<double>> gram(Over over, Step& step) {
  const std::size_t count = count_of(over, step);
  TORCH_CHECK(count > 0,
              "roga: an alignment of captured gradients got none in this step; compose it with a "
              "perturbation that has points in every step");
  if (count > 1) {
    std::vector<Row> rows;
    for (std::size_t k = 0; k < count; ++k) rows.push_back(row_of(over, k));
    step.multiply_out(rows);
  }
  std::vector<std::vector<double>> products(count, std::vector<double>(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      products[i][j] = products[j][i] = step.dot(row_of(over, i), row_of(over, j)).value();
    }
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (!(products[k][k] < smallest_accurate_norm2(step.row(row_of(over, k))))) continue;
    for (std::size_t j = 0; j < count; ++j) products[k][j] = products[j][k] = 0;
  }
  return products;
}

/// The relative error that those products may have.
inline double rounding(Over over, const Step& step) {
  return 16 * rounding(step.row(row_of(over, 0)));
}

}  // namespace detail

}  // namespace v1
}  // namespace roga
