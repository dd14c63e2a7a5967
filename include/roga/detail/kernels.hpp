// SPDX-License-Identifier: MIT
// Arithmetic over gradient lists: every pass over the parameters that a step makes is in this file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <roga/memory.hpp>
#include <roga/row.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// A row's tensors with their coefficient.
struct Scaled {
  const GradientList* row;
  Scalar factor;
  const at::Tensor* at(std::size_t i) const {
    return i < row->size() && (*row)[i].defined() ? &(*row)[i] : nullptr;
  }
};
using ScaledRows = std::vector<Scaled>;

/// out += factor * x
inline void add_scaled(at::Tensor& out, const at::Tensor& x, const Scalar& factor) {
  if (factor.on_host()) {
    out.add_(x, factor.value());
  } else {
    out.add_(x.mul(factor.tensor().to(out.device(), at::toRealValueType(out.scalar_type()))));
  }
}

/// factor * x
inline at::Tensor scaled(const at::Tensor& x, const Scalar& factor) {
  return factor.on_host()
             ? x.mul(factor.value())
             : x.mul(factor.tensor().to(x.device(), at::toRealValueType(x.scalar_type())));
}

inline bool is_half(const at::Tensor& x) {
  return x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
}

/// The real numbers of a tensor in a line, at least float32.
inline at::Tensor flat(const at::Tensor& x) {
  const auto real = x.is_complex() ? at::view_as_real(x) : x;
  return (is_half(x) ? real.to(at::kFloat) : real).reshape({-1});
}

/// Re <a, b> over one pair of tensors, accumulated in at least float32.
inline Scalar inner_product(const at::Tensor& a, const at::Tensor& b) {
  if (a.is_same(b)) {  // one read of the tensor where a dot product makes two
    const auto norm = Scalar::of(is_half(a) ? at::linalg_vector_norm(a, 2, {}, false, at::kFloat)
                                            : at::linalg_vector_norm(a));
    return norm * norm;
  }
  return Scalar::of(flat(a).dot(flat(b)));
}

/// Re <a, b>; a missing tensor counts as zero.
inline Scalar inner_product(const GradientList& a, const GradientList& b) {
  Scalar sum;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i].defined() && b[i].defined()) sum = sum + inner_product(a[i], b[i]);
  }
  return sum;
}

/// Re <a, b> of every two rows, [K, K] in float64: one matrix product for each piece of a tensor
/// that fits into the cache, so that memory is read once for all pairs.
inline at::Tensor inner_products(const std::vector<const GradientList*>& rows) {
  at::Tensor total;
  std::size_t size = 0;
  for (const auto* row : rows) size = std::max(size, row->size());
  for (std::size_t i = 0; i < size; ++i) {
    auto has = [i](const GradientList* row) { return i < row->size() && (*row)[i].defined(); };
    const auto some = std::ranges::find_if(rows, has);
    if (some == rows.end()) continue;
    const at::Tensor zero = flat((**some)[i]).new_zeros({1}).expand_as(flat((**some)[i]));
    std::vector<at::Tensor> lines;
    for (const auto* row : rows) lines.push_back(has(row) ? flat((*row)[i]) : zero);
    const std::int64_t length = zero.numel();
    const std::int64_t piece = zero.is_cpu() ? std::int64_t{1} << 16 : length;
    for (std::int64_t begin = 0; begin < length; begin += piece) {
      std::vector<at::Tensor> parts;
      for (const auto& line : lines) {
        parts.push_back(line.narrow(0, begin, std::min(piece, length - begin)));
      }
      const auto matrix = at::stack(parts);
      const auto products = matrix.matmul(matrix.t()).to(at::kDouble);
      total = total.defined() ? total.add_(products.to(total.device())) : products;
    }
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  return total.defined() ? total : at::zeros({count, count}, at::kDouble);
}

/// row <- factor * row
inline void scale_by(GradientList& row, double factor) {
  for (auto& x : row) {
    if (x.defined()) x.mul_(factor);
  }
}

/// sum <- sum + x, as a loop that leaves its gradients in place would add them up.
inline void add_to(GradientList& sum, GradientList&& x) {
  if (sum.empty()) {
    sum = std::move(x);
    return;
  }
  sum.resize(std::max(sum.size(), x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i].defined()) continue;
    if (sum[i].defined()) {
      sum[i].add_(x[i]);
    } else {
      sum[i] = x[i].clone();  // others may hold x
    }
  }
}

/// row <- row / count
inline void divide_by(GradientList& row, std::size_t count) {
  if (count == 1) return;
  for (auto& x : row) {
    if (x.defined()) x.div_(static_cast<double>(count));
  }
}

/// mean <- mean + (x - mean) / count
inline void update_mean(GradientList& mean, GradientList&& x, std::size_t count) {
  if (count > 1) scale_by(mean, 1.0 - 1.0 / static_cast<double>(count));
  divide_by(x, count);
  add_to(mean, std::move(x));
}

/// sum_r factor_r row_r[i]; undefined where no row has a tensor. A single row with factor one is
/// handed through without arithmetic.
inline at::Tensor combined(const ScaledRows& rows, std::size_t i) {
  at::Tensor out;
  const Scaled* only = nullptr;
  for (const auto& row : rows) {
    const at::Tensor* x = row.at(i);
    if (x == nullptr) continue;
    if (only == nullptr) {
      only = &row;
      continue;
    }
    if (!out.defined()) out = scaled(*only->at(i), only->factor);
    add_scaled(out, *x, row.factor);
  }
  if (out.defined() || only == nullptr) return out;
  const bool unit = only->factor.on_host() && only->factor.value() == 1.0;
  return unit ? *only->at(i) : scaled(*only->at(i), only->factor);
}

/// parameter <- origin + sum_r factor_r row_r[i], in one pass for one row, and in place where the
/// parameter is at its origin.
inline void place(at::Tensor& parameter, const at::Tensor& origin, const ScaledRows& rows,
                  std::size_t i) {
  bool placed = false;
  for (const auto& row : rows) {
    const at::Tensor* x = row.at(i);
    if (x == nullptr) continue;
    if (placed || parameter.is_same(origin) || !row.factor.on_host()) {
      if (!placed && !parameter.is_same(origin)) parameter.copy_(origin);
      add_scaled(parameter, *x, row.factor);
    } else {
      at::add_out(parameter, origin, *x, row.factor.value());
    }
    placed = true;
  }
  if (!placed && !parameter.is_same(origin)) parameter.copy_(origin);
}

/// Gives a row storage of its own.
inline void unshare(GradientList& row) {
  for (auto& x : row) {
    if (x.defined()) x = x.clone();
  }
}

inline bool all_finite(const GradientList& row) {
  return std::ranges::all_of(
      row, [](const at::Tensor& x) { return !x.defined() || x.isfinite().all().item<bool>(); });
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
