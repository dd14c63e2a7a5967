// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <roga/policy/row.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/check.hpp>
#include <span>

namespace roga {
inline namespace v1 {

/// Keeps the coordinates on which the domains agree in sign: with m = |mean_k sign(g_k)| >= tau
/// elementwise, d = m * mean_k g_k, not rescaled.
///
/// AND-mask (Parascandolo et al., ICLR 2021, arXiv 2009.00329, section 4). Use a base optimizer
/// with decoupled weight decay, so that the decay acts after the mask. The authors' code divides by
/// each tensor's share of kept coordinates.
///
/// A domain that does not reach a parameter does not enter its mask, and counts as zero in its
/// mean: see ElementwiseAlignment. The paper does not cover such domains.
struct SignAgreement {
  static constexpr Reads reads = Reads::domains;

  double tau = 1.0;  ///< in [0, 1]; 1 means that all domains agree

  void validate() const { detail::require(tau >= 0 && tau <= 1, "tau", "in [0, 1]", tau); }
  at::Tensor combine(std::span<const at::Tensor> rows) const {
    const auto stacked = detail::widened(at::stack(at::TensorList(rows.data(), rows.size())));
    const auto agree = stacked.sign().mean(0).abs().ge(tau);
    return stacked.mean(0).mul(agree).to(rows.front().scalar_type());
  }
};

/// A smooth mask: m = max(0, tanh(k (|mean_j sign(g_j)| - tau) / var_j(g_j))), d = m * mean_j g_j.
///
/// SAND-mask (Shahtalebi et al., 2021, arXiv 2106.02266, eq. 6). With tau = 1 the mask is zero
/// everywhere, so tau is a hyper-parameter to choose. Domains that do not reach a parameter are
/// left out as in SignAgreement.
struct SmoothSignAgreement {
  static constexpr Reads reads = Reads::domains;

  double tau = 0.5;  ///< in [0, 1]; at 1 the mask is 0 everywhere
  double k = 10.0;   ///< steepness, > 0

  void validate() const {
    detail::require(tau >= 0 && tau <= 1, "tau", "in [0, 1]", tau);
    detail::require(std::isfinite(k) && k > 0, "k", "finite and positive", k);
  }
  at::Tensor combine(std::span<const at::Tensor> rows) const {
    const auto stacked = detail::widened(at::stack(at::TensorList(rows.data(), rows.size())));
    const auto mean = stacked.mean(0);
    const auto margin = stacked.sign().mean(0).abs().sub(tau);
    // As at::var, which is far slower on a CPU over the first dimension.
    auto variance = at::zeros_like(mean);
    for (const auto& row : stacked.unbind(0)) {
      const auto away = row.sub(mean);
      variance.addcmul_(away, away, 1.0 / std::max(static_cast<double>(rows.size()) - 1.0, 1.0));
    }
    // Where the domains are equal the variance is 0 and the mask saturates at the margin's sign.
    const auto mask = margin.mul(k).div(variance.clamp_min(1e-30)).tanh().clamp_min(0);
    return mean.mul(mask).to(rows.front().scalar_type());
  }
};

}  // namespace v1
}  // namespace roga
