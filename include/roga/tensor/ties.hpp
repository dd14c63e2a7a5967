// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/torch.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Which parameters are one in memory: several tensors over the same storage, by set_data() or as
/// views of each other. They move as one, along the sum of their gradients, which is the gradient
/// of what they share; the base optimizer gets each tensor's own part.
class Ties {
 public:
  Ties() = default;
  /// @throws c10::Error if two parameters that train share a part of their memory only
  explicit Ties(const std::vector<at::Tensor>& parameters) {
    std::unordered_map<const void*, std::vector<std::size_t>> by_storage;
    by_storage.reserve(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& x = parameters[i];
      if (!x.requires_grad() || x.layout() != at::kStrided || x.numel() == 0) continue;
      by_storage[x.storage().unsafeGetStorageImpl()].push_back(i);
    }
    if (by_storage.size() == parameters.size()) return;
    for (auto& [storage, members] : by_storage) {
      if (members.size() > 1) tie(parameters, members);
    }
  }

  bool any() const { return !first_.empty(); }
  /// The first parameter that is one with parameter i: i itself, without ties.
  std::size_t first(std::size_t i) const { return any() ? first_[i] : i; }

  /// A row with the sum of tied tensors in the place of the first, and none for the others.
  GradientList joined(const GradientList& row) const {
    GradientList out = row;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (first(i) == i || !out[i].defined()) continue;
      auto& sum = out[first(i)];
      sum = sum.defined() ? sum.add(out[i]) : out[i];
      out[i] = at::Tensor();
    }
    return out;
  }

 private:
  /// The range of bytes in which a tensor's entries lie.
  struct Extent {
    std::int64_t begin;
    std::int64_t end;
    std::size_t parameter;
    Extent(const at::Tensor& x, std::size_t i) : begin(x.storage_offset()), parameter(i) {
      const auto size = static_cast<std::int64_t>(x.itemsize());
      end = begin + 1;
      for (std::int64_t d = 0; d < x.dim(); ++d) end += (x.size(d) - 1) * x.stride(d);
      begin *= size;
      end *= size;
    }
  };
  static bool same(const at::Tensor& a, const at::Tensor& b) {
    return a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() &&
           a.strides() == b.strides() && a.scalar_type() == b.scalar_type();
  }
  /// Whether two tensors over one storage whose extents meet share an entry.
  static bool overlap(const at::Tensor& a, const at::Tensor& b) {
    if (a.scalar_type() != b.scalar_type()) return true;
    const auto begin = std::min(a.storage_offset(), b.storage_offset());
    const auto end = std::max(Extent(a, 0).end, Extent(b, 0).end) / a.itemsize();
    auto seen = at::zeros({static_cast<std::int64_t>(end) - begin}, at::kBool);
    seen.as_strided(a.sizes(), a.strides(), a.storage_offset() - begin).fill_(true);
    return seen.as_strided(b.sizes(), b.strides(), b.storage_offset() - begin).any().item<bool>();
  }
  void tie(const std::vector<at::Tensor>& parameters, const std::vector<std::size_t>& members) {
    std::vector<Extent> extents;
    extents.reserve(members.size());
    for (const std::size_t i : members) extents.emplace_back(parameters[i], i);
    std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
      return std::pair(a.begin, a.parameter) < std::pair(b.begin, b.parameter);
    });
    std::int64_t end = extents.front().end;  // of all before
    for (std::size_t later = 1; later < extents.size(); ++later) {
      const bool apart = end <= extents[later].begin;
      end = std::max(end, extents[later].end);
      if (apart) continue;
      for (std::size_t earlier = 0; earlier < later; ++earlier) {
        if (extents[earlier].end <= extents[later].begin) continue;
        const std::size_t a = extents[earlier].parameter;
        const std::size_t b = extents[later].parameter;
        if (same(parameters[a], parameters[b])) {
          if (first_.empty()) {
            for (std::size_t i = 0; i < parameters.size(); ++i) first_.push_back(i);
          }
          first_[std::max(a, b)] = std::min(first_[a], first_[b]);
          continue;
        }
        TORCH_CHECK(!overlap(parameters[a], parameters[b]), "roga: parameters ", std::min(a, b),
                    " and ", std::max(a, b), " of the optimizer (counted from 0, in the order of ",
                    "its groups), of shapes ", parameters[std::min(a, b)].sizes(), " and ",
                    parameters[std::max(a, b)].sizes(),
                    ", share a part of their memory; give the optimizer tensors that share all of "
                    "it, or none");
      }
    }
  }

  std::vector<std::size_t> first_;  ///< empty without ties
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
