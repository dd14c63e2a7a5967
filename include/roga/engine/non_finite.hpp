// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace roga {
inline namespace v1 {

/// What a step does about a loss or gradient that is not finite.
enum class NonFinite : unsigned char {
  skip,    ///< leave weights, buffers and optimizer state as they were, and report it (default)
  raise,   ///< the same, and throw c10::Error
  ignore,  ///< no check; the only mode without a host synchronisation per step on an accelerator
};

/// Where a step met its first number that is not finite, as far as it knows. A gradient of several
/// domains together names no domain, unless the step before was skipped too: then each domain's
/// gradients are checked.
struct NonFinitePlace {
  std::optional<std::size_t> domain = std::nullopt;  ///< position in the caller's list
  std::optional<std::size_t> point = std::nullopt;   ///< ascent point; theta, if none
  std::optional<std::size_t> parameter =
      std::nullopt;      ///< position among the optimizer's, over all groups
  bool in_loss = false;  ///< in the loss; otherwise in a gradient
  std::optional<std::size_t> rank = std::nullopt;  ///< whose data it is; none for a sum over ranks

  /// "the loss of domain 1 at theta"
  std::string text() const {
    std::string out = in_loss ? "the loss" : "the gradient";
    if (parameter) out += " of parameter " + std::to_string(*parameter);
    if (domain) out += (parameter ? " in domain " : " of domain ") + std::to_string(*domain);
    out += point ? " at point " + std::to_string(*point) : " at theta";
    return rank ? out + " on rank " + std::to_string(*rank) : out;
  }
  /// That text.
  template <class Stream>
  friend Stream& operator<<(Stream& out, const NonFinitePlace& place) {
    out << place.text();
    return out;
  }
};

}  // namespace v1
}  // namespace roga
