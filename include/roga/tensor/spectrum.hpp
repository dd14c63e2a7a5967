// SPDX-License-Identifier: MIT
// Eigenvalues and pseudo-inverses of K x K Gram matrices.
#pragma once

#include <cmath>
#include <cstddef>
#include <Eigen/Core>
#include <Eigen/Jacobi>
#include <limits>
#include <roga/tensor/gram.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The eigenvalues and, column by column, eigenvectors of a symmetric matrix, by Jacobi's
/// rotations.
template <class Real>
struct Spectrum {
  Vector<Real> values;
  Matrix<Real> vectors;

  explicit Spectrum(Matrix<Real> a) : vectors(Matrix<Real>::Identity(a.rows(), a.cols())) {
    const Real negligible = 0.01 * std::numeric_limits<Real>::epsilon() * a.trace();
    bool rotated = true;
    for (int sweep = 0; sweep < 30 && rotated; ++sweep) {
      rotated = false;
      for (Eigen::Index p = 0; p < a.rows(); ++p) {
        for (Eigen::Index q = p + 1; q < a.rows(); ++q) {
          Eigen::JacobiRotation<Real> rotation;
          if (!(std::fabs(a(p, q)) > negligible)) continue;
          rotation.makeJacobi(a, p, q);
          a.applyOnTheLeft(p, q, rotation.adjoint());
          a.applyOnTheRight(p, q, rotation);
          vectors.applyOnTheRight(p, q, rotation);
          rotated = true;
        }
      }
    }
    values = a.diagonal();
  }
  /// Below it an eigenvalue is rounding of the products.
  /// @param rounding their relative error
  Real least(Real rounding) const {
    return values.maxCoeff() * static_cast<Real>(values.size()) * rounding;
  }
};

/// s = C^+ 1 on the cosines C: sum_k s_k u_k has the same product 1 with every unit gradient u_k,
/// or comes closest to that. Without a length, zero.
template <class Real>
Vector<Real> equal_products(const Matrix<Real>& cosines, Real rounding) {
  const Spectrum<Real> spectrum(cosines);
  const Real least = spectrum.least(rounding);
  Vector<Real> s = Vector<Real>::Zero(cosines.rows());
  for (Eigen::Index k = 0; k < s.size(); ++k) {
    if (!(spectrum.values[k] > least)) continue;
    s += spectrum.vectors.col(k).sum() / spectrum.values[k] * spectrum.vectors.col(k);
  }
  // 1 or more where the product can be 1; rounding alone where the gradients cancel out.
  if (!(s.sum() > rounding * static_cast<Real>(s.size()))) s.setZero();
  return s;
}

/// The weights along sum_k s_k u_k whose direction is as long as the mean projection of the g_k.
template <class Real>
std::vector<Real> conflict_free(const Gram<Real>& gram, Real rounding) {
  if (!(largest_diagonal(gram) > 0)) return uniform_weights<Real>(gram.size());
  const UnitGram<Real> units(gram);
  const Vector<Real> s = equal_products(units.cosines, rounding);
  const Real length2 = s.sum();
  if (!(length2 > 0)) return units.weights(s);
  const Real along = units.lengths.dot(units.cosines * s) / length2;
  return units.weights(along / static_cast<Real>(gram.size()) * s);
}

/// The weights along sum_k s_k u_k whose sum is 1; zero where their sum is rounding alone.
template <class Real>
std::vector<Real> impartial(const Gram<Real>& gram, Real rounding) {
  if (!(largest_diagonal(gram) > 0)) return uniform_weights<Real>(gram.size());
  const UnitGram<Real> units(gram);
  auto weights = units.weights(equal_products(units.cosines, rounding));
  Real sum = 0;
  Real size = 0;
  for (const Real weight : weights) {
    sum += weight;
    size += std::fabs(weight);
  }
  const bool has_sum = std::fabs(sum) > rounding * static_cast<Real>(weights.size()) * size;
  for (Real& weight : weights) weight = has_sum ? weight / sum : 0;
  return weights;
}

/// B w with w = 1 / K and B = sqrt(lambda_r) sum_{i <= r} v_i v_i' / sqrt(lambda_i), over the r
/// eigenvalues of G that are not rounding.
template <class Real>
std::vector<Real> aligned_components(const Gram<Real>& gram, Real rounding) {
  const Real scale = largest_diagonal(gram);
  if (!(scale > 0)) return uniform_weights<Real>(gram.size());
  const Spectrum<Real> spectrum(matrix_of(divided(gram, scale)));
  const Real least = spectrum.least(rounding);
  Real smallest = spectrum.values.maxCoeff();
  Vector<Real> sum = Vector<Real>::Zero(spectrum.values.size());
  for (Eigen::Index k = 0; k < sum.size(); ++k) {
    const Real value = spectrum.values[k];
    if (!(value > least)) continue;
    smallest = std::fmin(smallest, value);
    const auto v = spectrum.vectors.col(k);
    sum += v.mean() / std::sqrt(value) * v;
  }
  sum *= std::sqrt(smallest);
  return {sum.data(), sum.data() + sum.size()};
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
