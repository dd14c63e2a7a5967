// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/scalar.hpp>
#include <vector>

namespace roga {
inline namespace v1 {

/// How `rho` becomes the radius at each point of a step:
///
///     rho_j = min(sigma / |M^(1/2) v_j|, f_k rho)
///
/// v_j is the point's direction, k its domain: the one whose gradient is v_j, or else the one whose
/// data the point evaluates. Perturbation policies have it as a member `RadiusRule radius`; by
/// default the radius is rho. Costs no pass, and no synchronisation.
///
///     optimizer.perturbation().radius = {.loss_budget = 0.1};
struct RadiusRule {
  /// sigma > 0: to first order the loss rises by sigma at most. LE-SAM (ICML 2026, arXiv
  /// 2605.10183), where `rho` is the largest radius.
  double loss_budget = INFINITY;
  /// f_k >= 0 by the domain's position in the caller's list; 1 for positions beyond the list. Needs
  /// points of one domain each.
  std::vector<double> domain_factors = {};

  void validate() const {
    detail::require(loss_budget > 0, "radius.loss_budget", "positive", loss_budget);
    for (const double factor : domain_factors) {
      detail::require_radius("radius.domain_factors", factor);
    }
  }
};

namespace detail {

/// A perturbation policy with a member `radius`.
template <class P>
concept HasRadiusRule = requires(const P policy) {
  { policy.radius } -> std::same_as<const RadiusRule&>;
};

/// The domain of a point, among those present.
inline std::optional<std::size_t> domain_of(const Point& point, const Slice& slice) {
  const auto& terms = point.direction.terms();
  if (terms.size() == 1 && terms.front().first.kind == Row::Kind::domain) {
    return terms.front().first.index;
  }
  return slice.all ? std::nullopt : std::optional(slice.domain);
}

/// @param rho what the policy asks for
/// @param length of the direction
/// @param domain the point's, by its position in the caller's list
/// @throws c10::Error if the rule has factors by domain and the point has no domain
inline Scalar ruled_radius(const RadiusRule& rule, const Scalar& rho, const Scalar& length,
                           std::optional<std::size_t> domain) {
  Scalar radius = rho;
  if (!rule.domain_factors.empty()) {
    TORCH_CHECK(domain,
                "roga: radius.domain_factors need points of one domain each, such as those of "
                "DomainAscent; this recipe has a point over all domains");
    if (*domain < rule.domain_factors.size()) radius = radius * rule.domain_factors[*domain];
  }
  if (std::isinf(rule.loss_budget)) return radius;
  constexpr double guard = 1e-12;
  const Scalar budget = rule.loss_budget * reciprocal(length + guard);
  if (radius.on_host()) return min(budget, radius.value());
  return radius - above(radius, budget) * (radius - budget);
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
