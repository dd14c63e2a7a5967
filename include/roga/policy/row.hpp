// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <roga/tensor/scalar.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// Names one gradient of a step: a vector as long as all parameters together. Policies combine rows
/// by name; only the engine touches the tensors behind them.
struct Row {
  /// What a row is a gradient of.
  enum class Kind : unsigned char { erm, domain, captured, captured_mean, latest, memory };
  Kind kind = Kind::erm;  ///< which of the step's gradients
  std::size_t index = 0;  ///< its number, of domains, points and remembered rows
  friend bool operator==(const Row&, const Row&) = default;
  /// As policies write it: "domain(1)"; a remembered row is "memory".
  template <class Stream>
  friend Stream& operator<<(Stream& out, Row row) {
    constexpr std::array names{"erm", "domain", "captured", "captured_mean", "latest", "memory"};
    out << names.at(static_cast<std::size_t>(row.kind));
    if (row.kind == Kind::domain || row.kind == Kind::captured) out << "(" << row.index << ")";
    return out;
  }
};

/// Which rows a policy reads. The engine keeps these and frees the others as soon as it can, so the
/// memory of a recipe follows from these declarations.
enum class Reads : unsigned {
  nothing = 0,
  erm = 1,             ///< roga::erm
  domains = 2,         ///< every roga::domain(k), at any time
  own_domain = 4,      ///< roga::domain(k) at point k only
  captured = 8,        ///< every roga::captured(j)
  captured_mean = 16,  ///< roga::captured_mean
  latest = 32,         ///< roga::latest
};

/// g: the mean of the domains' gradients at theta.
inline constexpr Row erm{Row::Kind::erm, 0};
/// g_k: the gradient of the k-th domain of this step at theta.
constexpr Row domain(std::size_t k) { return {Row::Kind::domain, k}; }
/// q_j: the gradient captured at point j.
constexpr Row captured(std::size_t j) { return {Row::Kind::captured, j}; }
/// The mean of all q_j.
inline constexpr Row captured_mean{Row::Kind::captured_mean, 0};
/// The gradient captured last: what a chain of points steps along, without keeping every q_j.
inline constexpr Row latest{Row::Kind::latest, 0};

/// Both of them.
constexpr Reads operator|(Reads a, Reads b) {
  return static_cast<Reads>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether `set` holds any of `wanted`.
constexpr bool reads(Reads set, Reads wanted) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(wanted)) != 0;
}

/// sum_i c_i row_i, written as in the papers: `0.5 * erm + 0.5 * captured_mean`.
class Combination {
 public:
  /// A row with its coefficient.
  using Term = std::pair<Row, Scalar>;

  Combination() = default;
  /// The row itself.
  Combination(Row row) : terms_{{row, 1.0}} {}  // NOLINT: a row is a combination
  /// factor times row
  Combination(Scalar factor, Row row) : terms_{{row, std::move(factor)}} {}

  /// Each row once.
  const std::vector<Term>& terms() const { return terms_; }
  /// The zero vector.
  bool empty() const { return terms_.empty(); }

  friend Combination operator+(Combination a, const Combination& b) {
    for (const auto& [row, factor] : b.terms_) {
      auto same = std::find_if(a.terms_.begin(), a.terms_.end(),
                               [&row = row](const Term& term) { return term.first == row; });
      if (same == a.terms_.end()) {
        a.terms_.emplace_back(row, factor);
      } else {
        same->second = same->second + factor;
      }
    }
    return a;
  }
  friend Combination operator*(const Scalar& factor, Combination a) {
    for (auto& term : a.terms_) term.second = factor * term.second;
    return a;
  }
  friend Combination operator-(Combination a, const Combination& b) {
    return std::move(a) + Scalar(-1.0) * b;
  }

 private:
  std::vector<Term> terms_;
};

/// A row times a number.
inline Combination operator*(const Scalar& factor, Row row) { return {factor, row}; }
/// Sum of two rows.
inline Combination operator+(Row a, Row b) { return Combination(a) + Combination(b); }
/// Difference of two rows.
inline Combination operator-(Row a, Row b) { return Combination(a) - Combination(b); }

}  // namespace v1
}  // namespace roga
