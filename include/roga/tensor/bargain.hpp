// SPDX-License-Identifier: MIT
// Nash's bargaining solution on K x K Gram matrices.
#pragma once

#include <cmath>
#include <cstddef>
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <limits>
#include <roga/tensor/gram.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The a > 0 with C a = 1 / a: the minimum of a' C a / 2 - sum_k log a_k, by Newton's method with
/// the steps that are safe for self-concordant functions, 1 / (1 + decrement). C is positive
/// definite with a diagonal near 1.
template <class Real>
Vector<Real> bargain(const Matrix<Real>& c) {
  const auto count = c.rows();
  Vector<Real> a = Vector<Real>::Constant(count, std::sqrt(static_cast<Real>(count) / c.sum()));
  Real before = std::numeric_limits<Real>::infinity();
  for (int iteration = 0; iteration < 500; ++iteration) {
    // In steps relative to a: gradient m 1 - 1 and Hessian m + I.
    Matrix<Real> m = a.asDiagonal() * c * a.asDiagonal();
    const Vector<Real> left = Vector<Real>::Ones(count) - m.rowwise().sum();
    m.diagonal().array() += 1;
    const Vector<Real> step = m.llt().solve(left);
    const Real decrement = std::sqrt(std::fmax(left.dot(step), Real(0)));
    if (!(decrement > 1e-14) || (decrement < 1e-3 && decrement >= before)) break;
    before = decrement;
    const Real length = decrement < 0.25 ? Real(1) : 1 / (1 + decrement);
    a = a.cwiseProduct(Vector<Real>::Ones(count) + length * step);
  }
  return a;
}

/// The weights a / K of Nash-MTL, G a = 1 / a, with G divided by its Frobenius norm.
/// @param rounding relative error of the products. That and at least 1e-10 is added to each cosine
/// of 1, so that gradients that cancel out have a solution.
template <class Real>
std::vector<Real> bargained(const Gram<Real>& gram, Real rounding) {
  const Real scale = largest_diagonal(gram);
  if (!(scale > 0)) return uniform_weights<Real>(gram.size());
  UnitGram<Real> units(gram);
  units.cosines.diagonal().setConstant(
      1 + std::fmax(Real(1e-10), rounding * static_cast<Real>(gram.size())));
  const Real norm = matrix_of(divided(gram, scale)).norm();
  const Real factor = std::sqrt(scale) * std::sqrt(norm) / static_cast<Real>(gram.size());
  return units.weights(factor * bargain(units.cosines));
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
