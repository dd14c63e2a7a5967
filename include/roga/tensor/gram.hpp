// SPDX-License-Identifier: MIT
// K x K Gram matrices, as the small problems of gradient alignment take them. Templates, so that
// Eigen is instantiated only in programs that solve one.
#pragma once

#include <cmath>
#include <cstddef>
#include <Eigen/Core>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

template <class Real>
using Gram = std::vector<std::vector<Real>>;
template <class Real>
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;
template <class Real>
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;

template <class Real>
Matrix<Real> matrix_of(const Gram<Real>& gram) {
  const auto count = static_cast<Eigen::Index>(gram.size());
  Matrix<Real> matrix(count, count);
  for (Eigen::Index i = 0; i < count; ++i) {
    matrix.col(i) = Eigen::Map<const Vector<Real>>(gram[static_cast<std::size_t>(i)].data(), count);
  }
  return matrix;
}

/// The problem's own scale, so that tolerances are relative; 0 where every gradient is zero.
template <class Real>
Real largest_diagonal(const Gram<Real>& gram) {
  Real largest = 0;
  for (std::size_t k = 0; k < gram.size(); ++k) largest = std::fmax(largest, gram[k][k]);
  return largest;
}
template <class Real>
Gram<Real> divided(Gram<Real> gram, Real by) {
  for (auto& row : gram) {
    for (Real& entry : row) entry /= by;
  }
  return gram;
}
template <class Real>
std::vector<Real> uniform_weights(std::size_t count) {
  return std::vector<Real>(count, 1.0 / static_cast<Real>(count));
}

/// The gradients' lengths and the cosines between them: for rules that do not depend on the
/// lengths. The cosines of a zero gradient are 0, with itself too.
template <class Real>
struct UnitGram {
  Matrix<Real> cosines;
  Vector<Real> lengths;

  explicit UnitGram(const Gram<Real>& gram) : cosines(matrix_of(gram)) {
    lengths = cosines.diagonal().cwiseSqrt();
    const Vector<Real> by = reciprocals();
    cosines = by.asDiagonal() * cosines * by.asDiagonal();
  }
  /// 1 / length, and 0 where that is 0.
  Vector<Real> reciprocals() const {
    return lengths.unaryExpr([](Real length) { return length == 0 ? Real(0) : 1 / length; });
  }
  /// The coefficients of the gradients in sum_k units[k] g_k / |g_k|.
  std::vector<Real> weights(const Vector<Real>& units) const {
    const Vector<Real> weights = units.cwiseProduct(reciprocals());
    return {weights.data(), weights.data() + weights.size()};
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
