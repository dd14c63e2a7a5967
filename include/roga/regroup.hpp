// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/ArrayRef.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <roga/tensor/shuffle.hpp>
#include <roga/tensor/torch.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// Options of regroup().
struct RegroupOptions {
  std::uint64_t seed = 0;  ///< of the permutations
  std::int64_t step = 0;   ///< index of the step, so that a resumed run draws the same
};

/// Tensors whose first dimension is the sample: Samples, torch::data::Example<> and any other type
/// with members `data` and `target`, or `data` alone; or a list of tensors.
template <class T>
concept BatchOfTensors = std::same_as<T, std::vector<at::Tensor>> || requires(T& batch) {
  { batch.data } -> std::same_as<at::Tensor&>;
};

namespace detail {

template <class Batch>
std::vector<at::Tensor> columns_of(const Batch& batch) {
  if constexpr (std::same_as<Batch, std::vector<at::Tensor>>) {
    return batch;
  } else if constexpr (requires { batch.target; }) {
    return {batch.data, batch.target};
  } else {
    return {batch.data};
  }
}
template <class Batch, class... Members>
concept HasMoreThan = requires(const Members&... members) {
  Batch{members..., {}};
};

template <class Batch>
Batch batch_of(std::vector<at::Tensor> columns) {
  if constexpr (std::same_as<Batch, std::vector<at::Tensor>>) {
    return columns;
  } else if constexpr (requires(Batch & batch) { batch.target; }) {
    static_assert(!HasMoreThan<Batch, at::Tensor, at::Tensor>,
                  "regroup() would lose further members: give it std::vector<at::Tensor>");
    return Batch{std::move(columns[0]), std::move(columns[1])};
  } else {
    static_assert(!HasMoreThan<Batch, at::Tensor>,
                  "regroup() would lose further members: give it std::vector<at::Tensor>");
    return Batch{std::move(columns[0])};
  }
}

/// Samples in this domain; 0 if it is absent.
/// @throws c10::Error if its tensors do not agree
inline std::int64_t samples_in(const std::vector<at::Tensor>& columns, std::size_t domain) {
  const at::Tensor* first = nullptr;
  for (const auto& column : columns) {
    if (!column.defined()) continue;
    TORCH_CHECK(column.dim() > 0, "roga: regroup() got a tensor without dimensions in domain ",
                domain, "; the first dimension is the sample");
    if (first == nullptr) first = &column;
    TORCH_CHECK(column.size(0) == first->size(0), "roga: regroup() got tensors of ", first->size(0),
                " and of ", column.size(0), " samples in domain ", domain);
  }
  return first == nullptr ? 0 : first->size(0);
}

/// @throws c10::Error unless samples of the two can stand in one tensor
inline void require_alike(const std::vector<at::Tensor>& one, std::size_t one_domain,
                          const std::vector<at::Tensor>& other, std::size_t other_domain) {
  TORCH_CHECK(one.size() == other.size(), "roga: regroup() got ", one.size(), " tensors in domain ",
              one_domain, " and ", other.size(), " in domain ", other_domain);
  for (std::size_t c = 0; c < one.size(); ++c) {
    TORCH_CHECK(one[c].defined() == other[c].defined(), "roga: regroup() got tensor ", c,
                " in one of the domains ", one_domain, " and ", other_domain, " only");
    if (!one[c].defined()) continue;
    TORCH_CHECK(one[c].sizes().slice(1) == other[c].sizes().slice(1) &&
                    one[c].scalar_type() == other[c].scalar_type() &&
                    one[c].device() == other[c].device(),
                "roga: regroup() got samples of shape ", one[c].sizes().slice(1), ", ",
                one[c].scalar_type(), ", on ", one[c].device(), " in domain ", one_domain,
                " and of shape ", other[c].sizes().slice(1), ", ", other[c].scalar_type(), ", on ",
                other[c].device(), " in domain ", other_domain, " (tensor ", c, ")");
  }
}

}  // namespace detail

/// The samples of a step, shuffled over its domains: groups of the same sizes, each a random part
/// of all samples. The control for methods with an ascent per domain: small ascent batches help by
/// themselves (m-sharpness: Foret et al., ICLR 2021, arXiv 2010.01412, section 4.1), and random
/// groups are as small.
///
///     auto batches = loader.next();
///     if (control) batches = roga::regroup(batches, {.seed = 1, .step = step});
///
/// Every sample comes once. The order is a function of (seed, step) and the number of samples, the
/// same on every platform; nothing is drawn from LibTorch's generators. Groups have no identity:
/// what a recipe remembers by position (`group_dro`, `grad_vac`) means nothing here. The mean over
/// groups is the mean over samples only where all groups have one size.
/// @param batches one of each domain; one that is absent, with undefined tensors or without
/// samples, stays as it is
/// @throws c10::Error naming the domains whose samples differ in shape, type or device
/// Costs two copies of the samples.
template <BatchOfTensors Batch>
std::vector<Batch> regroup(const std::vector<Batch>& batches, RegroupOptions options = {}) {
  std::vector<std::int64_t> sizes;
  std::vector<std::size_t> present;
  std::vector<std::vector<at::Tensor>> by_column;  // [column][present domain]
  std::int64_t total = 0;
  for (std::size_t k = 0; k < batches.size(); ++k) {
    const auto columns = detail::columns_of(batches[k]);
    sizes.push_back(detail::samples_in(columns, k));
    if (sizes[k] == 0) continue;
    if (present.empty()) {
      by_column.resize(columns.size());
    } else {
      detail::require_alike(detail::columns_of(batches[present[0]]), present[0], columns, k);
    }
    present.push_back(k);
    total += sizes[k];
    for (std::size_t c = 0; c < columns.size(); ++c) by_column[c].push_back(columns[c]);
  }
  std::vector<at::Tensor> all;
  for (const auto& column : by_column) {
    all.push_back(column[0].defined() ? at::cat(column) : at::Tensor());
  }
  constexpr std::uint64_t purpose = 0x72656772;  // other draws use the same seed and step
  const auto step = static_cast<std::uint64_t>(options.step);
  const auto order =
      detail::permutation(static_cast<std::size_t>(total),
                          {options.seed, options.seed >> 32U, step, step >> 32U, purpose});
  std::vector<Batch> groups = batches;
  std::size_t begin = 0;
  for (const auto k : present) {
    const auto size = static_cast<std::size_t>(sizes[k]);
    const auto places = c10::ArrayRef<std::size_t>(order).slice(begin, size);
    begin += size;
    std::vector<at::Tensor> columns;
    for (const auto& column : all) {
      columns.push_back(column.defined() ? detail::rows_at(column, places) : column);
    }
    groups[k] = detail::batch_of<Batch>(std::move(columns));
  }
  return groups;
}

}  // namespace v1
}  // namespace roga
