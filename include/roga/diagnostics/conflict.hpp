// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <roga/diagnostics/loss.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace diagnostics {

/// Angles between the domains' gradients at theta. A negative cosine is a conflict: a step down one
/// loss goes up the other.
struct Conflict {
  std::vector<std::vector<double>> cosines;  ///< K x K; 0 with a zero gradient
  std::vector<double> norms;                 ///< of each loss's gradient
  /// |mean of the gradients| / mean of their norms: 1 where all agree, 0 where they cancel.
  double agreement = 0;
  /// Share of pairs of domains with a negative cosine.
  double conflicting = 0;
};

/// Cost: K backward passes, K gradients in memory.
inline Conflict conflict(const std::vector<Loss>& domains,
                         const std::vector<at::Tensor>& parameters) {
  using roga::detail::inner_product;
  TORCH_CHECK(!domains.empty(),
              "roga::diagnostics: conflict() got no losses; give it one for each domain");
  std::vector<GradientList> rows;
  for (const Loss& loss : domains) rows.push_back(detail::gradient(loss, parameters));
  const std::size_t count = rows.size();
  Conflict result;
  result.cosines.assign(count, std::vector<double>(count, 0.0));
  double norm_sum = 0, mean2 = 0, pairs = 0;
  for (const auto& row : rows) {
    result.norms.push_back(std::sqrt(inner_product(row, row).value()));
    norm_sum += result.norms.back();
  }
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b < count; ++b) {
      const double product = inner_product(rows[a], rows[b]).value();
      const double norms = result.norms[a] * result.norms[b];
      mean2 += product;
      if (norms > 0) result.cosines[a][b] = product / norms;
      if (a < b) {
        ++pairs;
        if (product < 0) ++result.conflicting;
      }
    }
  }
  if (pairs > 0) result.conflicting /= pairs;
  if (norm_sum > 0) result.agreement = std::sqrt(std::fmax(0.0, mean2)) / norm_sum;
  return result;
}

}  // namespace diagnostics
}  // namespace v1
}  // namespace roga
