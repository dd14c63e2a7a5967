// SPDX-License-Identifier: MIT
// Arithmetic over gradient lists, tensor by tensor, or in the few calls of foreach.hpp where
// one serves a whole list.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <roga/tensor/foreach.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/scalar.hpp>
#include <roga/tensor/torch.hpp>
#include <span>
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

inline std::vector<at::Tensor> defined(const GradientList& row) {
  std::vector<at::Tensor> list;
  for (const auto& x : row) {
    if (x.defined()) list.push_back(x);
  }
  return list;
}

inline bool is_half(const at::Tensor& x) {
  return x.scalar_type() == at::kHalf || x.scalar_type() == at::kBFloat16;
}

/// Half precision as float32.
inline at::Tensor widened(const at::Tensor& x) { return is_half(x) ? x.to(at::kFloat) : x; }

/// Whether LibTorch can take the factor as a number: it is on the host, and in the range of the
/// tensor's type.
inline bool is_number_of(const Scalar& factor, const at::Tensor& x) {
  if (!factor.on_host()) return false;
  constexpr double largest_half = 65504;
  const auto type = at::toRealValueType(x.scalar_type());
  if (type == at::kDouble) return true;
  const double size = std::fabs(factor.value());
  return !(size > (type == at::kHalf ? largest_half : std::numeric_limits<float>::max()));
}

/// factor * x; in a type that holds the factor.
inline at::Tensor scaled_wide(const at::Tensor& x, const Scalar& factor) {
  auto wide = widened(x);
  if (factor.on_host() && !is_number_of(factor, wide)) {
    wide = wide.to(wide.is_complex() ? at::kComplexDouble : at::kDouble);
  }
  if (factor.on_host()) return wide.mul(factor.value());
  return wide.mul(factor.tensor().to(x.device(), at::toRealValueType(wide.scalar_type())));
}

/// out += factor * x
inline void add_scaled(at::Tensor& out, const at::Tensor& x, const Scalar& factor) {
  if (is_number_of(factor, x)) {
    out.add_(x, factor.value());
  } else {
    out.add_(scaled_wide(x, factor));
  }
}

/// factor * x
inline at::Tensor scaled(const at::Tensor& x, const Scalar& factor) {
  if (is_number_of(factor, x)) return x.mul(factor.value());
  return scaled_wide(x, factor).to(x.scalar_type());
}

/// The real numbers of a tensor in a line, at least float32.
inline at::Tensor flat(const at::Tensor& x) {
  const auto real = x.is_complex() ? at::view_as_real(x) : x;
  return widened(real).reshape({-1});
}

/// Re <a, b> over one pair of tensors, accumulated in at least float32.
inline Scalar inner_product(const at::Tensor& a, const at::Tensor& b) {
  if (a.is_same(b)) {  // one read of the tensor where a dot product makes two
    const auto length = Scalar::of(is_half(a) ? at::linalg_vector_norm(a, 2, {}, false, at::kFloat)
                                              : at::linalg_vector_norm(a));
    return length * length;
  }
  return Scalar::of(flat(a).dot(flat(b)));
}

inline bool is_double(const GradientList& row) {
  return std::all_of(row.begin(), row.end(), [](const at::Tensor& x) {
    return !x.defined() || at::toRealValueType(x.scalar_type()) == at::kDouble;
  });
}
/// The relative error of inner products of such rows.
inline double rounding(const GradientList& row) {
  return is_double(row) ? std::numeric_limits<double>::epsilon()
                        : double{std::numeric_limits<float>::epsilon()};
}
/// The same where they are long: errors of sums grow with the root of their length.
inline double rounding_of_sums(const GradientList& row) {
  double entries = 256;
  for (const auto& x : row) entries += x.defined() ? static_cast<double>(x.numel()) : 0.0;
  return rounding(row) * std::sqrt(entries);
}
/// The smallest squared norm of such a row that is still accurate: underflow takes digits below it.
inline double smallest_accurate_norm2(const GradientList& row) {
  return is_double(row) ? std::numeric_limits<double>::min()
                        : double{std::numeric_limits<float>::min()};
}

/// Cuts and joins rows into pieces that fit into the cache and are large enough for a call, on an
/// accelerator for a launch: `visit(lines, length)` gets the tensors of each row that make up the
/// same `length` entries, zeros where a row has none.
template <class Visit>
void in_pieces(const std::vector<const GradientList*>& rows, Visit&& visit) {
  std::vector<std::vector<at::Tensor>> piece(rows.size());
  std::int64_t length = 0;
  auto finish = [&] {
    if (length > 0) visit(piece, std::exchange(length, 0));
    for (auto& line : piece) line.clear();
  };
  std::size_t size = 0;
  for (const auto* row : rows) size = std::max(size, row->size());
  for (std::size_t i = 0; i < size; ++i) {
    auto has = [i](const GradientList* row) { return i < row->size() && (*row)[i].defined(); };
    const auto some = std::find_if(rows.begin(), rows.end(), has);
    if (some == rows.end()) continue;
    std::vector<at::Tensor> lines;
    lines.reserve(rows.size());
    for (const auto* row : rows) lines.push_back(has(row) ? flat((*row)[i]) : at::Tensor());
    const at::Tensor like = lines[static_cast<std::size_t>(some - rows.begin())];
    for (auto& line : lines) {
      if (!line.defined()) line = like.new_zeros({1}).expand_as(like);
    }
    if (length > 0 && (piece.front().front().scalar_type() != like.scalar_type() ||
                       piece.front().front().device() != like.device())) {
      finish();
    }
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t least =
        like.is_cpu() ? 1 << 12 : std::max<std::int64_t>((1 << 22) / count, 1);
    const std::int64_t most = std::max(least, std::int64_t{1} << 16);
    for (std::int64_t done = 0; done < like.numel();) {
      const auto entries = std::min(most - length, like.numel() - done);
      const bool whole = entries == like.numel();
      for (std::size_t k = 0; k < rows.size(); ++k) {
        piece[k].push_back(whole ? lines[k] : lines[k].narrow(0, done, entries));
      }
      done += entries;
      length += entries;
      if (length >= least) finish();
    }
  }
  finish();
}

/// matrix matrix' in float64, of few rows and many columns. An accelerator would leave most of its
/// processors idle: there the sum is cut into a batch. Never in autocast's precision.
inline at::Tensor products_of_rows(const at::Tensor& matrix) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  constexpr std::int64_t columns = 4096;
  const std::int64_t batch = foreach_serves(matrix) ? matrix.size(1) / columns : 0;
  if (batch < 2) return matrix.matmul(matrix.t()).to(at::kDouble);
  const auto parts =
      matrix.narrow(1, 0, batch * columns).view({matrix.size(0), batch, columns}).transpose(0, 1);
  auto products = parts.bmm(parts.transpose(1, 2)).sum(0, false, at::kDouble);
  const auto rest = matrix.narrow(1, batch * columns, matrix.size(1) % columns);
  return products.add_(rest.matmul(rest.t()));
}

/// Re <row, row'> of every two rows, [K, K] in float64; memory is read once for all pairs.
inline at::Tensor inner_products(const std::vector<const GradientList*>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  at::Tensor total;
  in_pieces(rows, [&](const auto& piece, std::int64_t length) {
    std::vector<at::Tensor> lines;
    for (const auto& line : piece) lines.insert(lines.end(), line.begin(), line.end());
    const auto products = products_of_rows(at::cat(lines).view({count, length}));
    total = total.defined() ? total.add_(products.to(total.device())) : products;
  });
  return total.defined() ? total : at::zeros({count, count}, at::kDouble);
}

/// Re <a, b>; a missing tensor counts as zero.
inline Scalar inner_product(const GradientList& a, const GradientList& b) {
  if (foreach_serves(a) && foreach_serves(b)) {
    Scalar sum;
    if (&a != &b) {
      in_pieces({&a, &b}, [&](const auto& piece, std::int64_t) {
        sum = sum + Scalar::of(at::cat(piece[0]).dot(at::cat(piece[1])));
      });
      return sum;
    }
    const Scalar length = Foreach::norm(defined(a));
    return length * length;
  }
  Scalar sum;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i].defined() && b[i].defined()) sum = sum + inner_product(a[i], b[i]);
  }
  return sum;
}

/// |a|
inline Scalar norm(const GradientList& a) {
  return foreach_serves(a) ? Foreach::norm(defined(a)) : sqrt(inner_product(a, a));
}

/// row <- factor * row
inline void scale_by(GradientList& row, const Scalar& factor) {
  if (factor.is(1.0)) return;
  if (foreach_serves(row)) {
    auto list = defined(row);
    Foreach::multiply(list, factor);
    return;
  }
  for (auto& x : row) {
    if (!x.defined()) continue;
    if (is_number_of(factor, x)) {
      x.mul_(factor.value());
    } else {
      x.copy_(scaled(x, factor));
    }
  }
}

/// sum <- sum + x, as gradients add up in .grad.
inline void add_to(GradientList& sum, GradientList&& x) {
  if (sum.empty()) {
    sum = std::move(x);
    return;
  }
  sum.resize(std::max(sum.size(), x.size()));
  if (foreach_serves(sum) && foreach_serves(x)) {
    std::vector<at::Tensor> to;
    std::vector<at::Tensor> what;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!x[i].defined() || !sum[i].defined()) continue;
      to.push_back(sum[i]);
      what.push_back(std::exchange(x[i], {}));
    }
    if (!to.empty()) Foreach::add(to, what, 1.0);
  }
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
  if (foreach_serves(row)) {
    scale_by(row, 1.0 / static_cast<double>(count));
    return;
  }
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
  return only->factor.is(1.0) ? *only->at(i) : scaled(*only->at(i), only->factor);
}

/// The whole row, `size` tensors long: in a few calls, or tensor by tensor where one call cannot
/// take the whole row.
inline GradientList combined_row(const ScaledRows& rows, std::size_t size) {
  GradientList out(size);
  auto whole = [size](const Scaled& term) {
    return term.row->size() == size && foreach_serves(*term.row) &&
           std::all_of(term.row->begin(), term.row->end(),
                       [](const auto& x) { return x.defined(); });
  };
  const bool unit = rows.size() == 1 && rows.front().factor.is(1.0);
  if (rows.empty() || unit || !std::all_of(rows.begin(), rows.end(), whole)) {
    for (std::size_t i = 0; i < size; ++i) out[i] = combined(rows, i);
    return out;
  }
  out = Foreach::products(*rows.front().row, rows.front().factor);
  for (std::size_t r = 1; r < rows.size(); ++r) Foreach::add(out, *rows[r].row, rows[r].factor);
  return out;
}

/// parameter <- origin + sum_r factor_r row_r[i], in one pass for one row, and in place where the
/// parameter is at its origin.
inline void place(at::Tensor& parameter, const at::Tensor& origin, const ScaledRows& rows,
                  std::size_t i) {
  const bool apart = !parameter.is_same(origin);
  bool placed = false;
  for (const auto& row : rows) {
    const at::Tensor* x = row.at(i);
    if (x == nullptr) continue;
    const bool two_passes = !is_number_of(row.factor, *x) || origin.device() != parameter.device();
    if (placed || !apart || two_passes) {
      if (!placed && apart) parameter.copy_(origin, /*non_blocking=*/true);
      add_scaled(parameter, *x, row.factor);
    } else {
      at::add_out(parameter, origin, *x, row.factor.value());
    }
    placed = true;
  }
  if (!placed && apart) parameter.copy_(origin, /*non_blocking=*/true);
}

/// The same for the parameters `which`.
inline void place(std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& origins,
                  const ScaledRows& rows, std::span<const std::size_t> which) {
  if (which.size() < 2 || !foreach_serves(parameters)) {
    for (const std::size_t i : which) place(parameters[i], origins[i], rows, i);
    return;
  }
  std::vector<at::Tensor> to;
  std::vector<at::Tensor> from;
  for (const std::size_t i : which) {
    if (parameters[i].is_same(origins[i])) continue;
    to.push_back(parameters[i]);
    from.push_back(origins[i]);
  }
  if (!to.empty()) Foreach::assign(to, from);
  for (const auto& row : rows) {
    to.clear();
    from.clear();
    for (const std::size_t i : which) {
      if (row.at(i) == nullptr) continue;
      to.push_back(parameters[i]);
      from.push_back(*row.at(i));
    }
    if (!to.empty()) Foreach::add(to, from, row.factor);
  }
}

/// to <- from, in the storage that is there.
inline void assign(std::vector<at::Tensor>& to, const std::vector<at::Tensor>& from) {
  std::vector<at::Tensor> many;
  std::vector<at::Tensor> values;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (foreach_serves(to[i])) {
      many.push_back(to[i]);
      values.push_back(from[i]);
    } else {
      to[i].copy_(from[i], /*non_blocking=*/true);
    }
  }
  if (!many.empty()) Foreach::assign(many, values);
}

/// The tensors that are defined, in storage of their own.
inline std::vector<at::Tensor> copies(const std::vector<at::Tensor>& list) {
  std::vector<at::Tensor> out(list.size());
  std::vector<at::Tensor> many;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].defined()) continue;
    if (foreach_serves(list[i])) {
      many.push_back(list[i]);
    } else {
      out[i] = list[i].detach().clone();
    }
  }
  if (many.empty()) return out;
  many = Foreach::copies(many);
  auto next = many.begin();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].defined() && !out[i].defined()) out[i] = *next++;
  }
  return out;
}

/// Gives a row storage of its own.
inline void unshare(GradientList& row) { row = copies(row); }

inline bool all_finite(const GradientList& row) {
  return std::all_of(row.begin(), row.end(), [](const at::Tensor& x) {
    return !x.defined() || x.isfinite().all().item<bool>();
  });
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
