// SPDX-License-Identifier: MIT
// Small convex problems over the probability simplex, on K x K Gram matrices. Templates, so that
// Eigen is instantiated only in programs that solve one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <roga/tensor/gram.hpp>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Minimises linear . w + (weight / 2) w' G w over the simplex by Mehrotra's predictor-corrector
/// interior-point method: some fifteen factorisations of a K x K matrix. The entries of G are at
/// most 1, which makes the tolerances relative.
template <class Real>
std::vector<Real> minimise_on_simplex(const Gram<Real>& gram, const std::vector<Real>& linear,
                                      Real weight) {
  const Matrix<Real> g = weight * matrix_of(gram);
  const auto count = g.rows();
  const Vector<Real> b = Eigen::Map<const Vector<Real>>(linear.data(), count);
  const Vector<Real> ones = Vector<Real>::Ones(count);

  // w > 0 with slack s > 0 for its bound and multiplier nu of sum(w) = 1:
  //   gradient(w) - s - nu = 0,   w_i s_i = mu -> 0.
  Vector<Real> w = ones / static_cast<Real>(count);
  Vector<Real> gradient = b + g * w;
  Real nu = gradient.minCoeff() - 1;
  Vector<Real> s = gradient.array() - nu;

  for (int iteration = 0; iteration < 60; ++iteration) {
    const Real mu = w.dot(s) / static_cast<Real>(count);
    const Vector<Real> dual = gradient - s - nu * ones;
    if (mu < 1e-14 && dual.cwiseAbs().maxCoeff() < 1e-13) break;
    Matrix<Real> matrix = g;
    matrix.diagonal() += s.cwiseQuotient(w);
    matrix.diagonal().array() += 1e-14;
    const Eigen::LLT<Matrix<Real>> factor(matrix);
    const Vector<Real> along = factor.solve(ones);
    struct Direction {
      Vector<Real> w, s;
      Real nu;
    };
    auto towards = [&](const Vector<Real>& products) {  // w_i s_i aimed at `products`
      const Vector<Real> right = products.cwiseQuotient(w) - s - dual;
      const Vector<Real> free = factor.solve(right);
      Direction d;
      d.nu = (1 - w.sum() - free.sum()) / along.sum();
      d.w = free + d.nu * along;
      d.s = (products - s.cwiseProduct(d.w)).cwiseQuotient(w) - s;
      return d;
    };
    auto longest = [](const Vector<Real>& at_point, const Vector<Real>& step) {
      const Real fastest = (-step.cwiseQuotient(at_point)).maxCoeff();
      return fastest > 1 ? 1 / fastest : 1.0;
    };
    const Direction predictor = towards(Vector<Real>::Zero(count));
    const Real reach = std::fmin(longest(w, predictor.w), longest(s, predictor.s));
    const Real reached =
        (w + reach * predictor.w).dot(s + reach * predictor.s) / static_cast<Real>(count);
    const Real centring = std::pow(reached / mu, 3) * mu;
    const Direction step = towards(centring * ones - predictor.w.cwiseProduct(predictor.s));
    const Real length = std::fmin(1.0, 0.99 * std::fmin(longest(w, step.w), longest(s, step.s)));
    if (!std::isfinite(length) || !step.w.allFinite()) break;
    const bool whole = longest(w, step.w) == 1.0 && longest(s, step.s) == 1.0;
    const Real taken = whole ? 1.0 : length;
    w = (w + taken * step.w).cwiseMax(1e-300);
    s = (s + taken * step.s).cwiseMax(1e-300);
    nu += taken * step.nu;
    gradient = b + g * w;
  }
  w /= w.sum();
  return {w.data(), w.data() + w.size()};
}

/// argmin over the simplex of |sum_k w_k g_k|^2
template <class Real>
std::vector<Real> shortest_in_hull(const Gram<Real>& gram) {
  const Real scale = largest_diagonal(gram);
  if (gram.size() == 1 || !(scale > 0)) return uniform_weights<Real>(gram.size());
  return minimise_on_simplex(divided(gram, scale), std::vector<Real>(gram.size(), 0.0), 1.0);
}

/// CAGrad's pull by pivoting: where w > 0 on the domains S only, gradient(u) = along + G u = nu on
/// S and |g_u| = radius give u in closed form. Drops domains with u < 0 and adds the one that
/// violates gradient >= nu most, until none does: then the optimality conditions hold.
/// @return false if that leads nowhere (dependent gradients, a cycle); `u` is unspecified then
template <class Real>
bool pivot_to_pull(const Matrix<Real>& g, const Vector<Real>& along, Real radius, Vector<Real>& u) {
  const Real tolerance = 1e-11 * std::fmax(along.cwiseAbs().maxCoeff(), radius);
  std::vector<Eigen::Index> support(1);
  along.minCoeff(support.data());
  for (Eigen::Index pivot = 0; pivot < 3 * g.rows() + 8 && !support.empty(); ++pivot) {
    const Matrix<Real> part = g(support, support);
    const Eigen::LLT<Matrix<Real>> factor(part);
    if (factor.info() != Eigen::Success || !(factor.rcond() > 1e-12)) return false;
    const Vector<Real> b = along(support);
    const Vector<Real> by_ones = factor.solve(Vector<Real>::Ones(part.rows()));
    const Vector<Real> by_along = factor.solve(b);
    // |g_u|^2 = radius^2 for u = nu by_ones - by_along: a quadratic equation for nu.
    const Real a = by_ones.sum();
    const Real half = by_along.sum();
    const Real discriminant = half * half - a * (b.dot(by_along) - radius * radius);
    if (!(discriminant > 0)) return false;
    const Real nu = (half + std::sqrt(discriminant)) / a;
    const Vector<Real> on_support = nu * by_ones - by_along;
    Eigen::Index worst = 0;
    if (on_support.minCoeff(&worst) < 0) {
      support.erase(support.begin() + worst);
      continue;
    }
    u.setZero();
    u(support) = on_support;
    const Vector<Real> gradient = along + g * u;
    if (gradient.minCoeff(&worst) >= nu - tolerance) return true;
    if (std::find(support.begin(), support.end(), worst) != support.end()) return false;
    support.push_back(worst);
  }
  return false;
}

/// The coefficients u = lambda w of CAGrad's pull sum_k u_k g_k, where w minimises along . w +
/// radius |g_w| over the simplex and lambda = radius / |g_w|.
///
/// For that lambda, w also minimises along . w + (lambda / 2) |g_w|^2, and lambda |g_w| rises with
/// lambda: a root of one variable. Where it never reaches the radius, because the hull holds zero,
/// lambda g_w still tends to the pull.
template <class Real>
std::vector<Real> conflict_averse_pull(const Gram<Real>& gram, std::vector<Real> along,
                                       Real radius) {
  const Real scale = largest_diagonal(gram);
  if (!(scale > 0) || !(radius > 0)) return std::vector<Real>(gram.size(), 0.0);
  const auto g = divided(gram, scale);
  for (Real& entry : along) entry /= scale;
  radius /= std::sqrt(scale);

  const Matrix<Real> matrix = matrix_of(g);
  const auto count = matrix.rows();
  Vector<Real> pull(count);
  const Vector<Real> b = Eigen::Map<const Vector<Real>>(along.data(), count);
  if (pivot_to_pull(matrix, b, radius, pull)) return {pull.data(), pull.data() + pull.size()};

  std::vector<Real> w;
  auto excess = [&](Real log_lambda) {  // log(lambda |g_w|) - log(radius)
    w = gram.size() == 1 ? uniform_weights<Real>(1)
                         : minimise_on_simplex(g, along, std::exp(log_lambda));
    Real length2 = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      for (std::size_t j = 0; j < w.size(); ++j) length2 += w[i] * g[i][j] * w[j];
    }
    return log_lambda + std::log(std::fmax(length2, 1e-300)) / 2 - std::log(radius);
  };
  Real low = std::log(radius);  // |g_w| <= 1, so that the excess is not positive here
  Real at_low = excess(low);
  Real high = low;
  Real at_high = at_low;
  constexpr Real limit = 20.0;  // e^20: there the hull is taken to hold zero
  while (at_high < 0 && high < low + limit) {
    low = high;
    at_low = at_high;
    high += std::fmax(-at_high, 0.1);
    at_high = excess(high);
  }
  Real lambda = high;
  for (int iteration = 0; iteration < 60 && at_high > 0 && at_low < 0; ++iteration) {  // Illinois
    lambda = high - at_high * (high - low) / (at_high - at_low);
    const Real here = excess(lambda);
    if (std::fabs(here) < 1e-13 || high - low < 1e-14) break;
    if (here > 0) {
      high = lambda;
      at_high = here;
      at_low /= 2;
    } else {
      low = lambda;
      at_low = here;
      at_high /= 2;
    }
  }
  for (Real& weight : w) weight *= std::exp(lambda);
  return w;
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
