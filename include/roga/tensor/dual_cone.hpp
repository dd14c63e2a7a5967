// SPDX-License-Identifier: MIT
// Projection onto the cone of directions that descend every domain's loss.
#pragma once

#include <algorithm>
#include <cstddef>
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <roga/tensor/gram.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The coefficients t >= 0 that make v = u_i + sum_j t_j u_j shortest: then v is the projection of
/// u_i onto the dual cone, <v, u_j> >= 0 for all j. Lawson and Hanson's active sets: where t > 0,
/// <v, u_j> = 0. Dependent gradients have several t, and one v.
template <class Real>
Vector<Real> onto_dual_cone(const Matrix<Real>& cosines, Eigen::Index i) {
  const auto count = cosines.rows();
  Vector<Real> t = Vector<Real>::Zero(count);
  std::vector<Eigen::Index> active;  // where t > 0
  std::vector<bool> passed_over(static_cast<std::size_t>(count), false);
  for (Eigen::Index pivot = 0; pivot < 10 * count + 20; ++pivot) {
    const Vector<Real> products = cosines.col(i) + cosines * t;  // <v, u_j>
    Real least = -1e-12 * (1 + t.sum());
    Eigen::Index joins = count;
    for (Eigen::Index j = 0; j < count; ++j) {
      if (passed_over[static_cast<std::size_t>(j)] || !(products[j] < least)) continue;
      if (std::find(active.begin(), active.end(), j) != active.end()) continue;
      least = products[j];
      joins = j;
    }
    if (joins == count) break;
    active.push_back(joins);
    for (bool first = true; !active.empty(); first = false) {
      const Matrix<Real> part = cosines(active, active);
      const Eigen::LLT<Matrix<Real>> factor(part);
      const Vector<Real> along = cosines.col(i)(active);
      const Vector<Real> balance = -factor.solve(along);
      Vector<Real> aim = Vector<Real>::Zero(count);
      if (factor.info() == Eigen::Success && factor.rcond() > 1e-14) aim(active) = balance;
      if (first && !(aim[joins] > 0)) {  // rounding alone set it apart from the others
        active.pop_back();
        passed_over[static_cast<std::size_t>(joins)] = true;
        break;
      }
      Real reach = 1;
      Eigen::Index leaves = count;  // the first to reach 0 on the way
      for (const Eigen::Index j : active) {
        if (aim[j] > 0 || t[j] / (t[j] - aim[j]) >= reach) continue;
        reach = t[j] / (t[j] - aim[j]);
        leaves = j;
      }
      t += reach * (aim - t);
      if (leaves < count) t[leaves] = 0;
      active.erase(
          std::remove_if(active.begin(), active.end(), [&](Eigen::Index j) { return !(t[j] > 0); }),
          active.end());
      std::fill(passed_over.begin(), passed_over.end(), false);
      if (leaves == count) break;
    }
  }
  return t;
}

/// The weights of the mean over i of the projections of g_i onto the dual cone.
template <class Real>
std::vector<Real> mean_on_dual_cone(const Gram<Real>& gram) {
  if (!(largest_diagonal(gram) > 0)) return uniform_weights<Real>(gram.size());
  const UnitGram<Real> units(gram);
  Vector<Real> sum = units.lengths;
  for (Eigen::Index i = 0; i < sum.size(); ++i) {
    sum += units.lengths[i] * onto_dual_cone(units.cosines, i);
  }
  return units.weights(sum / static_cast<Real>(gram.size()));
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
