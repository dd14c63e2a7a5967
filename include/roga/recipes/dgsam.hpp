// SPDX-License-Identifier: MIT
#pragma once

#include <roga/alignment/captured_gradient.hpp>
#include <roga/capture/next_domain.hpp>
#include <roga/perturbation/domain_walk.hpp>
#include <roga/policy/method.hpp>
#include <roga/policy/order.hpp>

namespace roga {
inline namespace v1 {
namespace recipes {

/// Hyper-parameters of `dgsam`.
struct DgsamOptions {
  double rho = 0.05;  ///< radius of each stride, >= 0
  Order order = {};   ///< drawn anew in each step, or fixed

  static constexpr void fields(auto& options, auto&& field) {
    field("rho", options.rho, "radius of each stride", Range::not_negative());
    Order::fields(options.order, field);
  }
};

/// Decreased-overhead gradual SAM: walks uphill from domain to domain in random order, evaluates
/// the first one again at the end, and descends along the mean of all K + 1 gradients on the way.
///
/// Song et al., 2025, arXiv 2503.23430. The published weights of the gradients could not be
/// checked; equal ones are used. Needs closures, or a SharedForward that names its domains.
/// Passes: 1 + 1/K. Memory: 2 copies of the parameters.
struct Dgsam {
  using Options = DgsamOptions;
  static constexpr MethodTraits traits{
      .name = "dgsam",
      .direction = "mean gradient along an uphill walk through the domains",
      .domains = true,
      .ordered = true,
      .note = "weights of the paper unverified, equal here"};
  constexpr auto operator()(DgsamOptions options = {}) const {
    return recipe(UphillWalk{.rho = options.rho}, NextDomain{.order = options.order},
                  CapturedGradient{});
  }
};
inline constexpr Dgsam dgsam;

}  // namespace recipes
}  // namespace v1
}  // namespace roga
