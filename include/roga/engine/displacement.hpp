// SPDX-License-Identifier: MIT
// The way to a point: radius * M v / |M^(1/2) v| + shift, for the parameters that ascend.
#pragma once

#include <algorithm>
#include <cstddef>
#include <roga/engine/settings.hpp>
#include <roga/engine/weights.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/point.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/kernels.hpp>
#include <span>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The parameters that ascend.
struct Ascending {
  std::vector<std::vector<std::size_t>> groups;  ///< their positions, by parameter group
  std::vector<double> factors;                   ///< the groups' relative radii
  std::vector<bool> contains;                    ///< by parameter
  bool all = true;

  Ascending() = default;
  Ascending(const Weights& weights, const Settings& settings)
      : contains(weights.size()), all(settings.only.empty()) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t group = weights.group_of(i);
      groups.resize(std::max(groups.size(), group + 1));
      // What is tied moves as one, in the group of the first.
      const std::size_t first = weights.ties().first(i);
      contains[i] = settings.ascends(weights.parameters()[i]);
      if (contains[i] && !contains[first]) {
        contains[first] = true;
        groups[weights.group_of(first)].push_back(first);
      } else if (contains[i] && first == i) {
        groups[group].push_back(i);
      }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights.ties().first(i) != i) contains[i] = contains[weights.ties().first(i)];
    }
    for (std::size_t g = 0; g < groups.size(); ++g) factors.push_back(settings.group_factor(g));
  }
};

/// Rows as they move the weights: joined where parameters are tied.
class Movement {
 public:
  Movement(const StepData& data, const Combination& combination)
      : rows_(data.resolve(combination)) {
    if (!data.ties.any()) return;
    joined_.reserve(rows_.size());
    for (auto& term : rows_) {
      joined_.push_back(data.ties.joined(*term.row));
      term.row = &joined_.back();
    }
  }
  Movement(const Movement&) = delete;
  Movement& operator=(const Movement&) = delete;
  const ScaledRows& rows() const { return rows_; }

 private:
  ScaledRows rows_;
  std::vector<GradientList> joined_;
};

/// The direction over the parameters that ascend.
inline GradientList ascending_row(const ScaledRows& direction, const Ascending& ascending) {
  auto row = combined_row(direction, ascending.contains.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!ascending.contains[i]) row[i] = at::Tensor();
  }
  return row;
}

inline bool foreach_serves(const ScaledRows& rows) {
  return !rows.empty() && foreach_serves(*rows.front().row);
}

/// In the ball of radius rho: M is the identity.
class EuclideanDisplacement {
 public:
  EuclideanDisplacement(const Point& point, StepData& data, const Ascending& ascending)
      : point_(point), data_(data), ascending_(ascending) {}

  /// |v|
  Scalar length() const {
    const auto& terms = point_.direction.terms();
    if (terms.size() == 1 && ascending_.all) {
      const auto& [row, factor] = terms.front();
      return sqrt(factor * factor * Step(data_, Role::perturbation).dot(row, row));
    }
    // For a difference of rows, inner products of the rows would lose digits.
    const Movement movement(data_, point_.direction);
    const ScaledRows& direction = movement.rows();
    if (foreach_serves(direction)) {  // costs a row; a few launches in all
      const auto v = ascending_row(direction, ascending_);
      return sqrt(inner_product(v, v));
    }
    Scalar sum;
    for (std::size_t i = 0; i < ascending_.contains.size(); ++i) {
      if (!ascending_.contains[i]) continue;
      const auto v = combined(direction, i);
      if (v.defined()) sum = sum + inner_product(v, v);
    }
    return sqrt(sum);
  }
  /// Moves the weights.
  /// @param factor radius / |v|
  void apply(Weights& weights, const Scalar& factor) const {
    for (std::size_t g = 0; g < ascending_.groups.size(); ++g) {
      const Scalar radius = factor * ascending_.factors[g];
      // One term per row: where direction and shift share a row, one pass does both.
      const Movement movement(data_, radius * point_.direction + point_.shift);
      weights.move(ascending_.groups[g], movement.rows());
    }
  }

 private:
  const Point& point_;
  StepData& data_;
  const Ascending& ascending_;
};

/// In a policy's metric M.
template <class MetricType>
class MetricDisplacement {
 public:
  /// @param replaces_gradient whether the gradient at theta is not read again
  MetricDisplacement(const MetricType& metric, const Point& point, StepData& data,
                     const Ascending& ascending, const Weights& weights, bool replaces_gradient)
      : metric_(metric),
        point_(point),
        data_(data),
        ascending_(ascending),
        weights_(weights),
        movement_(data, point.direction),
        direction_(movement_.rows()),
        at_once_(foreach_serves(direction_)),
        replaces_gradient_(replaces_gradient),
        stretched_(weights.size()) {}

  /// |M^(1/2) v|
  Scalar length() {
    Scalar sum;
    if (at_once_) {
      const auto v = ascending_row(direction_, ascending_);
      for (std::size_t i = 0; i < v.size(); ++i) stretched_[i] = stretched(v[i], i);
      sum = inner_product(v, stretched_);
    }
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (!ascending_.contains[i]) continue;
      if (!at_once_) {
        const auto v = combined(direction_, i);
        const auto mv = stretched(v, i);
        if (mv.defined()) sum = sum + inner_product(v, mv);
        if (replaces_gradient_) stretched_[i] = mv;
      }
      if (replaces_gradient_) data_.rows.free_at_theta(i);
    }
    return sqrt(sum);
  }
  /// Moves the weights. Call length() first.
  /// @param factor radius / |M^(1/2) v|
  void apply(Weights& weights, const Scalar& factor) {
    const Movement shift(data_, point_.shift);
    for (std::size_t g = 0; g < ascending_.groups.size(); ++g) {
      ScaledRows offset = shift.rows();
      offset.insert(offset.begin(), {&stretched_, factor * ascending_.factors[g]});
      if (at_once_) {
        weights.move(ascending_.groups[g], offset);
        continue;
      }
      for (const std::size_t i : ascending_.groups[g]) {
        if (!replaces_gradient_) stretched_[i] = stretched(combined(direction_, i), i);
        weights.move(std::span(&i, 1), offset);
        stretched_[i] = at::Tensor();
      }
    }
  }

 private:
  /// M v of parameter i, never in half precision; undefined where v leaves the parameter out.
  at::Tensor stretched(const at::Tensor& v, std::size_t i) const {
    return v.defined() ? metric_.apply(widened(weights_.theta(i)), widened(v)) : v;
  }

  const MetricType& metric_;
  const Point& point_;
  StepData& data_;
  const Ascending& ascending_;
  const Weights& weights_;
  Movement movement_;
  const ScaledRows& direction_;
  bool at_once_;            ///< one call serves the whole row: M v is made once and kept
  bool replaces_gradient_;  ///< M v takes the memory of the gradient at theta
  GradientList stretched_;  ///< M v, as far as it is kept
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
