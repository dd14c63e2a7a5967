// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <roga/diagnostics/loss.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace diagnostics {

/// How much a loss rises within the radius, to first order at the worst place:
///     L(theta + rho g / |g|) - L(theta),   g = grad L(theta),
/// the quantity that SAM bounds (Foret et al., ICLR 2021, arXiv 2010.01412). Zero at a zero
/// gradient. Afterwards the parameters are as before, bit for bit.
/// Cost: one backward pass, two forward passes, a copy of the parameters and of the gradient.
/// @param rho >= 0
/// @throws c10::Error naming rho, or for a loss that is not one number
inline double sharpness(const Loss& loss, const std::vector<at::Tensor>& parameters, double rho) {
  roga::detail::require_radius("rho", rho);
  const GradientList g = detail::gradient(loss, parameters);
  const double norm = std::sqrt(roga::detail::inner_product(g, g).value());
  const double here = detail::value(loss);
  if (norm == 0) return 0;
  detail::Excursion excursion(parameters);
  excursion.go_to({{rho / norm, &g}});
  return detail::value(loss) - here;
}

/// Sharpness of several domains.
struct DomainSharpness {
  std::vector<double> of_domain;  ///< of each loss at its own point
  double pooled = 0;              ///< of the mean loss
};
/// The same for each of several domains, along its own gradient, and for their mean loss.
inline DomainSharpness sharpness(const std::vector<Loss>& domains,
                                 const std::vector<at::Tensor>& parameters, double rho) {
  TORCH_CHECK(!domains.empty(),
              "roga::diagnostics: sharpness() got no losses; give it one for each domain");
  DomainSharpness result;
  for (const Loss& loss : domains) result.of_domain.push_back(sharpness(loss, parameters, rho));
  result.pooled = sharpness(
      [&] {
        at::Tensor sum = domains.front()();
        for (std::size_t k = 1; k < domains.size(); ++k) sum = sum + domains[k]();
        return sum / static_cast<double>(domains.size());
      },
      parameters, rho);
  return result;
}

}  // namespace diagnostics
}  // namespace v1
}  // namespace roga
