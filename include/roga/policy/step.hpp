// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <roga/policy/memory.hpp>
#include <roga/policy/row.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/scalar.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// One step as policies see it: losses, rows by name, their inner products, and the recipe's
/// memory.
///
/// Inner products are computed when asked for and kept for the step. What a policy writes to the
/// memory takes effect when the step succeeds; a step that throws or is skipped leaves no trace.
class Step {
 public:
  /// @param parameters how many parameters a row has
  Step(const Memory& memory, std::size_t parameters)
      : memory_(memory), parameters_(parameters), pending_(memory.numbers) {}

  /// Steps finished before this one.
  std::int64_t index() const { return memory_.step; }
  /// K: domains present in this step.
  std::size_t domains() const { return domains_.size(); }
  /// The position of the k-th present domain in the caller's list: its identity between steps.
  std::size_t domain_id(std::size_t k) const { return domains_.at(k); }
  /// Points evaluated so far.
  std::size_t points() const { return points_; }
  /// L_k at theta. Recipes without a pass at theta see the loss of the domain's first evaluation.
  const Scalar& loss(std::size_t k) const { return losses_.at(k); }
  /// L_k of all domains.
  const std::vector<Scalar>& losses() const { return losses_; }
  /// mean_k L_k
  Scalar mean_loss() const {
    Scalar sum;
    for (const auto& loss : losses_) sum = sum + loss;
    return sum / static_cast<double>(losses_.size());
  }

  /// <a, b> over all parameters (real part).
  Scalar dot(Row a, Row b) {
    auto key = std::pair(order(a), order(b));
    if (key.second < key.first) std::swap(key.first, key.second);
    auto [entry, missing] = dots_.try_emplace(key);
    if (missing) entry->second = detail::inner_product(row(a), row(b));
    return entry->second;
  }
  /// Computes all products among `rows`, which dot() then knows, with one read of each row.
  void multiply_out(const std::vector<Row>& rows) {
    std::vector<const GradientList*> lists;
    lists.reserve(rows.size());
    for (const Row which : rows) lists.push_back(&row(which));
    // Whoever asks for all of them reads them on the host: one synchronisation on an accelerator.
    const auto products = detail::inner_products(lists).cpu();
    const auto product = products.accessor<double, 2>();
    for (std::size_t a = 0; a < rows.size(); ++a) {
      for (std::size_t b = 0; b < rows.size(); ++b) {
        auto key = std::pair(order(rows[a]), order(rows[b]));
        if (key.second < key.first) continue;
        dots_[key] = product[static_cast<std::int64_t>(a)][static_cast<std::int64_t>(b)];
      }
    }
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
  /// |a|
  Scalar norm(Row a) { return sqrt(dot(a, a)); }
  /// cos(a, b); 0 where one of them has no length.
  Scalar cosine(Row a, Row b) { return dot(a, b) / (norm(a) * norm(b)); }

  /// A row remembered by an earlier step, if there is one.
  std::optional<Row> memory(const std::string& name) const {
    const auto found = memory_.rows.find(name);
    if (found == memory_.rows.end()) return std::nullopt;
    return Row{Row::Kind::memory,
               static_cast<std::size_t>(std::distance(memory_.rows.begin(), found))};
  }
  /// Computes `value` now; it replaces the remembered row of that name when the step ends.
  void remember(const std::string& name, const Combination& value) {
    const auto rows = resolve(value);
    auto kept = detail::combined_row(rows, parameters_);
    // Never share storage with a row that becomes .grad, which its owner may write to.
    GradientList shared(kept.size());
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const bool handed_through = std::ranges::any_of(rows, [&](const auto& row) {
        return row.at(i) != nullptr && row.at(i)->is_same(kept[i]);
      });
      if (handed_through) shared[i] = kept[i];
    }
    detail::unshare(shared);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (shared[i].defined()) kept[i] = std::move(shared[i]);
    }
    remembered_[name] = std::move(kept);
  }
  /// Remembered numbers of that name, `size` long; new entries start at `initial`. Writable.
  std::vector<double>& numbers(const std::string& name, std::size_t size, double initial = 0.0) {
    auto& values = pending_[name];
    if (values.size() < size) values.resize(size, initial);
    return values;
  }

  /// The tensors behind a name.
  /// @throws c10::Error if the row is not kept: the policy's `reads` does not declare it.
  const GradientList& row(Row which) const {
    const GradientList* found = nullptr;
    switch (which.kind) {
      case Row::Kind::erm:
        found = &slot(Row::Kind::erm);
        break;
      case Row::Kind::captured_mean:
        found = &slot(Row::Kind::captured_mean);
        break;
      case Row::Kind::latest:
        found = &slot(Row::Kind::latest);
        break;
      case Row::Kind::domain:
        if (domains() == 1 && which.index == 0) return row(erm);
        if (which.index < domain_rows_.size()) found = &domain_rows_[which.index];
        break;
      case Row::Kind::captured:
        if (which.index < captured_rows_.size()) found = &captured_rows_[which.index];
        break;
      case Row::Kind::memory:
        TORCH_CHECK(which.index < memory_.rows.size(), "roga: no remembered row ", which.index);
        return std::next(memory_.rows.begin(), static_cast<std::ptrdiff_t>(which.index))->second;
    }
    TORCH_CHECK(found != nullptr && (!found->empty() || parameters_ == 0),
                "roga: a policy asked for the row ", name(which), ", which this step ",
                points_ == 0 && captured_kind(which)
                    ? "does not have: it evaluates no point"
                    : "does not keep; declare it in the policy's `reads`");
    return *found;
  }

  /// A combination with its rows looked up.
  detail::ScaledRows resolve(const Combination& combination) const {
    detail::ScaledRows rows;
    for (const auto& [which, factor] : combination.terms()) {
      const auto* tensors = &row(which);  // of one domain, its gradient and the mean are one row
      auto same = std::find_if(rows.begin(), rows.end(),
                               [&](const auto& term) { return term.row == tensors; });
      if (same == rows.end()) {
        rows.push_back({tensors, factor});
      } else {
        same->factor = same->factor + factor;
      }
    }
    return rows;
  }

 private:
  template <class P, class C, class A>
  friend class Engine;
  template <class P, class C, class A>
  friend class PhasedStep;

  static std::pair<int, std::size_t> order(Row row) {
    return {static_cast<int>(row.kind), row.index};
  }
  static std::string name(Row row) {
    constexpr std::array names{"erm", "domain", "captured", "captured_mean", "latest", "memory"};
    std::string text = names.at(static_cast<std::size_t>(row.kind));
    const bool indexed = row.kind == Row::Kind::domain || row.kind == Row::Kind::captured;
    return indexed ? text + "(" + std::to_string(row.index) + ")" : text;
  }
  static bool captured_kind(Row row) {
    return row.kind == Row::Kind::captured || row.kind == Row::Kind::captured_mean ||
           row.kind == Row::Kind::latest;
  }
  static void free(GradientList& row, std::size_t i) {
    if (i < row.size()) row[i] = at::Tensor();
  }
  /// Frees parameter i's gradients at theta.
  void drop_at_theta(std::size_t i) {
    free(slot(Row::Kind::erm), i);
    for (auto& row : domain_rows_) free(row, i);
  }
  /// Frees parameter i's tensors once its direction is made.
  void drop(std::size_t i) {
    for (auto& row : slots_) free(row, i);
    for (auto& row : domain_rows_) free(row, i);
    for (auto& row : captured_rows_) free(row, i);
  }
  /// The captured rows change from point to point; so do their products.
  void forget_captured_products() {
    std::erase_if(dots_, [](const auto& entry) {
      auto moving = [](const auto& row) {
        return row.first == static_cast<int>(Row::Kind::latest) ||
               row.first == static_cast<int>(Row::Kind::captured_mean);
      };
      return moving(entry.first.first) || moving(entry.first.second);
    });
  }
  GradientList& slot(Row::Kind kind) { return slots_[static_cast<std::size_t>(kind)]; }
  const GradientList& slot(Row::Kind kind) const { return slots_[static_cast<std::size_t>(kind)]; }

  const Memory& memory_;
  std::size_t parameters_;
  std::map<std::string, std::vector<double>> pending_;
  std::map<std::string, GradientList> remembered_;
  std::vector<std::size_t> domains_;
  std::vector<Scalar> losses_;
  std::size_t points_ = 0;
  std::array<GradientList, 6> slots_;  // erm, captured_mean and latest, by kind
  std::vector<GradientList> domain_rows_;
  std::vector<GradientList> captured_rows_;
  std::map<std::pair<std::pair<int, std::size_t>, std::pair<int, std::size_t>>, Scalar> dots_;
};

}  // namespace v1
}  // namespace roga
