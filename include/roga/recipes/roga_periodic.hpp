// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <roga/alignment/reused_direction.hpp>
#include <roga/capture/own_domain.hpp>
#include <roga/perturbation/domain_ascent.hpp>
#include <roga/perturbation/every.hpp>
#include <roga/policy/method.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `roga_periodic`.
struct RogaPeriodicOptions {
  double rho = 0.1;     ///< radius, >= 0
  double alpha = 2e-4;  ///< weight of the alignment term
  std::int64_t k = 5;   ///< an ascent on steps 0, k, 2k, ...; >= 1
  double reuse = 0.7;   ///< weight of the reused direction

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of the ascent", Range::not_negative());
    field("alpha", options.alpha, "weight of the alignment term", Range::any());
    field("k", options.k, "steps from one ascent to the next", Range::at_least(1));
    field("reuse", options.reuse, "weight of the reused direction", Range::any());
  }
};

/// Robust gradient alignment on every k-th step, d = q, the mean of the domains' own gradients at
/// their ascent points; in between d = g + reuse |g| / |v| v with the part v of the last q
/// orthogonal to g.
///
/// LookSAM's reuse (Liu et al., CVPR 2022, arXiv 2203.02714) over the ascent points of `roga`; the
/// composition is the project's. Passes: 1 + 1/k. Memory: K + 2 copies of the parameters; 3 for
/// one domain.
struct RogaPeriodic {
  using Options = RogaPeriodicOptions;
  static constexpr MethodTraits traits{
      .name = "roga_periodic",
      .direction = "the mean own q_k every k-th step, else g + reuse |g| u(v)",
      .domains = true,
      .note = "the project's"};
  constexpr auto operator()(RogaPeriodicOptions options = {}) const {
    return recipe(Every<DomainAscent>{{.rho = options.rho, .alpha = options.alpha}, options.k},
                  OwnDomain{}, ReusedDirection{.alpha = options.reuse});
  }
};
inline constexpr RogaPeriodic roga_periodic;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
