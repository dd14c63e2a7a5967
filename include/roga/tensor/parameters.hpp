// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <roga/tensor/torch.hpp>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// A parameter and the index of its group.
struct Member {
  at::Tensor parameter;
  std::size_t group;
};

/// Every parameter once, in the first group that has it: a module registered under two names lists
/// its parameters twice.
template <class Groups>
std::vector<Member> members(const Groups& groups) {
  std::vector<Member> list;
  std::unordered_set<const void*> seen;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const auto& parameter : groups[g].params()) {
      if (seen.insert(parameter.unsafeGetTensorImpl()).second) list.push_back({parameter, g});
    }
  }
  return list;
}

/// The same without their groups.
template <class Groups>
std::vector<at::Tensor> parameters_of(const Groups& groups) {
  std::vector<at::Tensor> list;
  for (auto& member : members(groups)) list.push_back(std::move(member.parameter));
  return list;
}

/// How often each tensor has been written to; 0 for those that do not count.
inline std::vector<std::int64_t> versions(const std::vector<at::Tensor>& tensors) {
  std::vector<std::int64_t> list;
  list.reserve(tensors.size());
  for (const auto& x : tensors) {
    list.push_back(x.is_inference() ? 0 : static_cast<std::int64_t>(x._version()));
  }
  return list;
}

/// The key of a parameter's state: its address, which LibTorch 1.13 writes out as text.
template <class States>
typename States::key_type state_key(const States&, const at::Tensor& parameter) {
  if constexpr (std::is_same_v<typename States::key_type, std::string>) {
    std::ostringstream text;
    text << parameter.unsafeGetTensorImpl();
    return text.str();
  } else {
    return parameter.unsafeGetTensorImpl();
  }
}

/// The learning rate of the first group; NaN where the options of a user's own optimizer have none.
template <class Groups>
double learning_rate(const Groups& groups) {
  if (groups.empty()) return 0.0;
  try {
    return groups.front().options().get_lr();
  } catch (const c10::Error&) {
    return std::numeric_limits<double>::quiet_NaN();
  }
}

/// The learning rate of each group.
template <class Groups>
std::vector<double> learning_rates(const Groups& groups) {
  std::vector<double> rates;
  for (const auto& group : groups) {
    try {
      rates.push_back(group.options().get_lr());
    } catch (const c10::Error&) {
      rates.push_back(std::numeric_limits<double>::quiet_NaN());
    }
  }
  return rates;
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
