// SPDX-License-Identifier: MIT
// The store behind a step: the engine fills it, policies read it through Step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <roga/policy/memory.hpp>
#include <roga/policy/row.hpp>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/scalar.hpp>
#include <roga/tensor/ties.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The gradients of one step.
struct Rows {
  GradientList erm;
  std::vector<GradientList> domains;   ///< only where they are kept apart from their mean
  std::vector<GradientList> captured;  ///< by point
  GradientList captured_mean;
  GradientList latest;

  /// Frees parameter i's gradients at theta.
  void free_at_theta(std::size_t i) {
    free(erm, i);
    for (auto& row : domains) free(row, i);
  }
  /// Frees all of parameter i's gradients.
  void free_all(std::size_t i) {
    free_at_theta(i);
    for (auto& row : captured) free(row, i);
    free(captured_mean, i);
    free(latest, i);
  }

 private:
  static void free(GradientList& row, std::size_t i) {
    if (i < row.size()) row[i] = at::Tensor();
  }
};

/// Inner products of rows, kept once they are known: a few, looked through in turn.
class Products {
 public:
  const Scalar* find(Row a, Row b) const {
    for (const auto& known : known_) {
      if (known.of(a, b)) return &known.product;
    }
    return nullptr;
  }
  void keep(Row a, Row b, const Scalar& product) {
    std::erase_if(known_, [&](const Known& known) { return known.of(a, b); });
    known_.push_back({a, b, product});
  }
  /// Drops the products of rows that change from point to point.
  void forget_captured() {
    auto moves = [](Row row) {
      return row.kind == Row::Kind::latest || row.kind == Row::Kind::captured_mean;
    };
    std::erase_if(known_, [&](const Known& known) { return moves(known.a) || moves(known.b); });
  }

 private:
  struct Known {
    Row a;
    Row b;
    Scalar product;
    bool of(Row x, Row y) const { return (a == x && b == y) || (a == y && b == x); }
  };
  std::vector<Known> known_;
};

/// A row that a policy remembered in an earlier step.
struct RememberedRow {
  Role role;
  const std::string* name;
  const GradientList* tensors;
};

/// What one step knows.
struct StepData {
  std::int64_t index = 0;            ///< steps finished before this one
  std::size_t parameters = 0;        ///< how many tensors a row has
  std::vector<std::size_t> domains;  ///< positions of the present domains in the caller's list
  std::vector<Scalar> losses;
  bool losses_are_their_mean = false;  ///< a pooled closure returned only that
  std::size_t points = 0;              ///< evaluated so far
  Rows rows;
  Products products;
  std::vector<RememberedRow> remembered;
  Memories pending;  ///< what takes effect when the step succeeds
  Ties ties;

  /// @param memories of the steps before; outlives this
  StepData(std::int64_t finished, std::size_t parameter_count, const Memories& memories,
           Ties tied = {})
      : index(finished), parameters(parameter_count), ties(std::move(tied)) {
    for (std::size_t r = 0; r < role_count; ++r) {
      pending[r].numbers = memories[r].numbers;
      for (const auto& [name, row] : memories[r].rows) {
        remembered.push_back({static_cast<Role>(r), &name, &row});
      }
    }
  }

  /// The tensors behind a name.
  /// @throws c10::Error if the row is not kept: the policy's `reads` does not declare it
  const GradientList& row(Row which) const {
    const GradientList* found = find(which);
    TORCH_CHECK(found != nullptr && (!found->empty() || parameters == 0),
                "roga: a policy asked for the row ", which, ", which this step ",
                lacks(which) ? c10::str("does not have: it has evaluated ", points, " points")
                             : "does not keep; declare it in the policy's `reads`");
    return *found;
  }

  /// A combination with its rows looked up; each list of tensors once.
  ScaledRows resolve(const Combination& combination) const {
    ScaledRows resolved;
    for (const auto& [which, factor] : combination.terms()) {
      const auto* tensors = &row(which);  // with one domain, its gradient and the mean are one row
      auto same = std::find_if(resolved.begin(), resolved.end(),
                               [&](const auto& term) { return term.row == tensors; });
      if (same == resolved.end()) {
        resolved.push_back({tensors, factor});
      } else {
        same->factor = same->factor + factor;
      }
    }
    return resolved;
  }

 private:
  const GradientList* find(Row which) const {
    auto entry = [&](const std::vector<GradientList>& list) {
      return which.index < list.size() ? &list[which.index] : nullptr;
    };
    switch (which.kind) {
      case Row::Kind::erm:
        return &rows.erm;
      case Row::Kind::domain:
        return domains.size() == 1 && which.index == 0 ? &rows.erm : entry(rows.domains);
      case Row::Kind::captured:
        return entry(rows.captured);
      case Row::Kind::captured_mean:
        return &rows.captured_mean;
      case Row::Kind::latest:
        return &rows.latest;
      case Row::Kind::memory:
        break;
    }
    TORCH_CHECK(which.index < remembered.size(), "roga: a policy asked for the remembered row ",
                which.index, " of ", remembered.size(),
                "; take it from step.memory() in each step");
    return remembered[which.index].tensors;
  }
  bool lacks(Row row) const {
    const bool of_all = row.kind == Row::Kind::captured_mean || row.kind == Row::Kind::latest;
    return row.kind == Row::Kind::captured ? row.index >= points : of_all && points == 0;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
