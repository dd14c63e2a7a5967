// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

namespace roga {
inline namespace v1 {
namespace detail {

/// Instead of a domain's number: all present domains.
inline constexpr std::size_t all_domains = static_cast<std::size_t>(-1);

/// A pass that a step asks for: which data, and where the weights are.
struct Pass {
  enum class Data : unsigned char {
    each_domain,  ///< every domain, and the gradient of each by itself
    pooled,  ///< every domain, and the gradient of their mean loss in as few pieces as there are
    one_domain,  ///< `domain` alone
  };
  Data data = Data::pooled;
  std::size_t domain = 0;            ///< among those present
  std::optional<std::size_t> point;  ///< the ascent point; none: theta
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
