// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <roga/policy/maybe.hpp>
#include <roga/policy/memory.hpp>
#include <roga/policy/row.hpp>
#include <roga/policy/step_data.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/scalar.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// One step as a policy sees it: losses, rows by name, their inner products, and the policy's
/// memory.
///
/// Inner products are computed when asked for and kept for the step. What a policy writes to its
/// memory takes effect when the step succeeds; a step that throws or is skipped leaves no trace.
class Step {
 public:
  /// The engine makes one for each policy.
  /// @param role whose memory this is
  Step(detail::StepData& data, Role role) : data_(data), role_(role) {}

  /// Steps finished before this one.
  std::int64_t index() const { return data_.index; }
  /// K: domains present in this step.
  std::size_t domains() const { return data_.domains.size(); }
  /// The position of the k-th present domain in the caller's list: its identity between steps.
  std::size_t domain_id(std::size_t k) const { return data_.domains.at(k); }
  /// Points evaluated so far.
  std::size_t points() const { return data_.points; }
  /// L_k at theta. Recipes without a pass at theta see the loss of the domain's first evaluation.
  /// @throws c10::Error if a pooled closure gave the mean alone
  const Scalar& loss(std::size_t k) const { return losses().at(k); }
  /// L_k of all domains.
  const std::vector<Scalar>& losses() const {
    TORCH_CHECK(!data_.losses_are_their_mean,
                "roga: this recipe reads the loss of each domain, but the pooled closure returned "
                "only their mean; let it return a [K] tensor with each domain's loss");
    return data_.losses;
  }
  /// mean_k L_k
  Scalar mean_loss() const {
    if (data_.losses_are_their_mean) return data_.losses.front();
    Scalar sum;
    for (const auto& loss : losses()) sum = sum + loss;
    return sum / static_cast<double>(losses().size());
  }

  /// <a, b> over all parameters (real part).
  Scalar dot(Row a, Row b) {
    if (const Scalar* known = data_.products.find(a, b)) return *known;
    const auto& ties = data_.ties;
    const Scalar product = ties.any()
                               ? detail::inner_product(ties.joined(row(a)), ties.joined(row(b)))
                               : detail::inner_product(row(a), row(b));
    data_.products.keep(a, b, product);
    return product;
  }
  /// The same for combinations, from the products of their rows.
  Scalar dot(const Combination& a, const Combination& b) {
    Scalar sum;
    for (const auto& [row_a, factor_a] : a.terms()) {
      for (const auto& [row_b, factor_b] : b.terms()) {
        sum = sum + factor_a * factor_b * dot(row_a, row_b);
      }
    }
    return sum;
  }
  /// Computes all products among `rows`, which dot() then knows. Reads each row once; on an
  /// accelerator the host waits once.
  void multiply_out(const std::vector<Row>& rows) {
    std::vector<const GradientList*> lists;
    std::vector<GradientList> joined;
    lists.reserve(rows.size());
    joined.reserve(rows.size());
    for (const Row which : rows) {
      if (data_.ties.any()) joined.push_back(data_.ties.joined(row(which)));
      lists.push_back(data_.ties.any() ? &joined.back() : &row(which));
    }
    const auto products = detail::inner_products(lists).cpu();
    const auto product = products.accessor<double, 2>();
    for (std::size_t a = 0; a < rows.size(); ++a) {
      for (std::size_t b = a; b < rows.size(); ++b) {
        data_.products.keep(rows[a], rows[b],
                            product[static_cast<std::int64_t>(a)][static_cast<std::int64_t>(b)]);
      }
    }
  }
  /// |a|
  Scalar norm(Row a) { return sqrt(dot(a, a)); }
  /// cos(a, b); 0 where one of them has no length.
  Scalar cosine(Row a, Row b) { return dot(a, b) / (norm(a) * norm(b)); }

  /// A row that this policy remembered in an earlier step, if there is one.
  Maybe<Row> memory(const std::string& name) const { return memory(role_, name); }
  /// The same of another policy of the recipe.
  Maybe<Row> memory(Role role, const std::string& name) const {
    for (std::size_t i = 0; i < data_.remembered.size(); ++i) {
      const auto& entry = data_.remembered[i];
      if (entry.role == role && *entry.name == name) return Row{Row::Kind::memory, i};
    }
    return {};
  }
  /// Computes `value` now; it replaces this policy's row of that name when the step ends.
  void remember(const std::string& name, const Combination& value) {
    const auto rows = data_.resolve(value);
    auto kept = detail::combined_row(rows, data_.parameters);
    // Never share storage with a row that becomes .grad, which its owner may write to.
    GradientList shared(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (const auto& row : rows) {
        if (row.at(i) != nullptr && row.at(i)->is_same(kept[i])) shared[i] = kept[i];
      }
    }
    detail::unshare(shared);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (shared[i].defined()) kept[i] = std::move(shared[i]);
    }
    pending().rows[name] = std::move(kept);
  }
  /// This policy's numbers of that name, `size` long; new entries start at `initial`. Writable.
  std::vector<double>& numbers(const std::string& name, std::size_t size, double initial = 0.0) {
    auto& values = pending().numbers[name];
    if (values.size() < size) values.resize(size, initial);
    return values;
  }

  /// The tensors behind a name.
  /// @throws c10::Error if the row is not kept: the policy's `reads` does not declare it
  const GradientList& row(Row which) const { return data_.row(which); }

 private:
  Memory& pending() { return data_.pending[static_cast<std::size_t>(role_)]; }

  detail::StepData& data_;
  Role role_;
};

}  // namespace v1
}  // namespace roga
