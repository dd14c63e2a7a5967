// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <roga/diagnostics/loss.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace diagnostics {

/// What Lanczos' method finds of the Hessian's spectrum.
struct Spectrum {
  std::vector<double> eigenvalues;  ///< Ritz values, the largest first
  /// Share of the spectrum near each Ritz value, by the quadrature of the starting vector; sums
  /// to 1. Its mean over seeds estimates the spectral density (Ghorbani et al., ICML 2019, arXiv
  /// 1901.10159).
  std::vector<double> weights;
  /// The largest eigenvalue found.
  double largest() const { return eigenvalues.front(); }
  /// The smallest eigenvalue found.
  double smallest() const { return eigenvalues.back(); }
};

namespace detail {

/// H v, by differentiating <grad L, v>.
inline GradientList hessian_product(const Loss& loss, const std::vector<at::Tensor>& parameters,
                                    const GradientList& v) {
  const c10::AutoGradMode enable(true);
  const GradientList g = gradient(loss, parameters, /*create_graph=*/true);
  at::Tensor product;
  for (std::size_t i = 0; i < g.size(); ++i) {
    if (!g[i].defined() || !g[i].requires_grad()) continue;  // no or constant gradient
    const auto term = (g[i] * v[i]).sum();
    product = product.defined() ? product + term : term;
  }
  GradientList result(parameters.size());
  if (product.defined()) {
    result = derivative(product, parameters);
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (!result[i].defined()) result[i] = at::zeros_like(parameters[i]);
  }
  return result;
}

}  // namespace detail

/// Eigenvalues of the Hessian of the loss by Lanczos' method with full reorthogonalisation, the
/// tridiagonal matrix solved by LAPACK through LibTorch. The outer ones converge first: with a few
/// dozen iterations the largest is right to many digits; with as many iterations as parameters all
/// are exact, except for the multiplicity of repeated ones. Cost: `iterations` products with the
/// Hessian (each about two backward passes) and as many copies of the parameters.
/// @param iterations >= 1; fewer are made where the Krylov space is exhausted: at most one for each
/// number in the parameters that require a gradient
/// @param seed of the random starting vector
/// @throws c10::Error naming `iterations`, or for a loss that is not one number
inline Spectrum hessian_spectrum(const Loss& loss, const std::vector<at::Tensor>& parameters,
                                 std::int64_t iterations = 30, std::uint64_t seed = 0) {
  roga::detail::require(iterations >= 1, "iterations", "at least 1",
                        static_cast<double>(iterations));
  using roga::detail::inner_product;
  auto generator = at::detail::createCPUGenerator(seed);
  const c10::NoGradGuard no_grad;
  const auto scale = [](GradientList& v, double factor) {
    for (auto& x : v) x.mul_(factor);
  };
  GradientList v;
  std::int64_t dimension = 0;
  for (const auto& parameter : parameters) {
    v.push_back(at::randn(parameter.sizes(), generator, at::kDouble)
                    .to(parameter.device(), parameter.scalar_type()));
    if (parameter.requires_grad()) {
      dimension += parameter.numel();
    } else {
      v.back().zero_();
    }
  }
  TORCH_CHECK(dimension > 0, "roga::diagnostics: hessian_spectrum() got ", parameters.size(),
              " parameters, none with entries that require a gradient");
  iterations = std::min(iterations, dimension);
  // Below it, what orthogonalisation leaves is rounding.
  const double exhausted = std::fmax(1e-10, 64 * roga::detail::rounding(v));
  scale(v, 1 / std::sqrt(inner_product(v, v).value()));

  std::vector<GradientList> basis;
  std::vector<double> diagonal, off_diagonal;
  for (std::int64_t i = 0; i < iterations; ++i) {
    basis.push_back(v);
    GradientList w = detail::hessian_product(loss, parameters, v);
    diagonal.push_back(inner_product(v, w).value());
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Parlett)
      for (const auto& q : basis) {
        const double overlap = inner_product(q, w).value();
        for (std::size_t p = 0; p < w.size(); ++p) w[p].sub_(q[p], overlap);
      }
    }
    const double norm = std::sqrt(inner_product(w, w).value());
    double size = 0;
    for (const double entry : diagonal) size = std::fmax(size, std::fabs(entry));
    if (i + 1 == iterations || !(norm > exhausted * size)) break;
    off_diagonal.push_back(norm);
    v = std::move(w);
    scale(v, 1 / norm);
  }

  const auto count = static_cast<std::int64_t>(diagonal.size());
  const at::Tensor tridiagonal = at::zeros({count, count}, at::kDouble);
  auto entry = tridiagonal.accessor<double, 2>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::size_t>(i);
    entry[i][i] = diagonal[row];
    if (i > 0) entry[i][i - 1] = off_diagonal[row - 1];  // the lower triangle is read
  }
  const auto [values, vectors] = at::linalg_eigh(tridiagonal);
  const auto ritz = values.accessor<double, 1>();
  const auto component = vectors.accessor<double, 2>();
  Spectrum spectrum;
  for (std::int64_t i = count - 1; i >= 0; --i) {
    spectrum.eigenvalues.push_back(ritz[i]);
    spectrum.weights.push_back(component[0][i] * component[0][i]);
  }
  return spectrum;
}

}  // namespace diagnostics
}  // namespace v1
}  // namespace roga
