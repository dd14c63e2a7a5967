// SPDX-License-Identifier: MIT
#pragma once

#include <roga/policy/concepts.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/torch.hpp>

namespace roga {
inline namespace v1 {

/// ASAM's metric M = T^2 with T = |theta| + eta, so that the ascent does not depend on the scale of
/// the weights (Kwon et al., ICML 2021, arXiv 2102.11600, eq. 8). For complex weights |.| is the
/// modulus.
///
/// The paper's code scales only tensors whose name contains "weight"; here every tensor is scaled,
/// as in its equations.
struct AbsoluteParameter {
  double eta = 0.01;  ///< >= 0
  void validate() const { detail::require_radius("eta", eta); }
  at::Tensor apply(const at::Tensor& theta, const at::Tensor& v) const {
    return v.mul(theta.abs().add_(eta).square_());
  }
};

/// Fisher SAM's metric M = 1 / (1 + eta v^2), the inverse of a diagonal Fisher estimate (Kim et
/// al., ICML 2022, arXiv 2206.04920). For complex gradients v^2 is the squared modulus.
struct InverseFisher {
  double eta = 0.2;  ///< >= 0
  void validate() const { detail::require_radius("eta", eta); }
  at::Tensor apply(const at::Tensor&, const at::Tensor& v) const {
    return v.div(v.abs().square_().mul_(eta).add_(1.0));
  }
};

}  // namespace v1
}  // namespace roga
