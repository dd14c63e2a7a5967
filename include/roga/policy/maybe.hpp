// SPDX-License-Identifier: MIT
#pragma once

#include <compare>
#include <concepts>
#include <optional>
#include <roga/tensor/torch.hpp>
#include <utility>

namespace roga {
inline namespace v1 {

template <class T>
class Maybe;

namespace detail {

/// Named in the compiler's error where arithmetic uses a value that may be missing.
struct TestItThenTakeItsValueWithStar {};

template <class T>
inline constexpr bool is_maybe = false;
template <class T>
inline constexpr bool is_maybe<Maybe<T>> = true;

}  // namespace detail

/// A value that may be missing, as std::optional<T>, to which it converts. It prints as its value,
/// or as "none"; the compiler refuses arithmetic on it in one line, and taking a missing value
/// throws.
///
///     const auto mean = step.memory("mean");
///     return mean ? 0.9 * *mean + 0.1 * roga::erm : roga::Combination(roga::erm);
template <class T>
class Maybe {
 public:
  Maybe() = default;
  /// Missing.
  Maybe(std::nullopt_t) {}  // NOLINT: as std::optional
  /// There.
  Maybe(T value) : value_(std::move(value)) {}  // NOLINT: as std::optional
  /// There if the optional has a value.
  Maybe(std::optional<T> value) : value_(std::move(value)) {}  // NOLINT: as std::optional

  /// Whether it is there.
  bool has_value() const { return value_.has_value(); }
  /// The same.
  explicit operator bool() const { return has_value(); }
  /// The value.
  /// @throws c10::Error if it is missing
  const T& value() const {
    TORCH_CHECK(value_, "roga: this value is missing; test it before you take it: `if (value)`");
    return *value_;
  }
  /// The same.
  const T& operator*() const { return value(); }
  /// The same.
  const T* operator->() const { return &value(); }
  /// The value, or `other` if it is missing.
  T value_or(T other) const { return value_ ? *value_ : std::move(other); }
  /// As the standard's type.
  operator const std::optional<T>&() const { return value_; }  // NOLINT: they mean the same

  friend bool operator==(const Maybe& a, const Maybe& b) { return a.value_ == b.value_; }
  /// A missing value comes before all others.
  friend auto operator<=>(const Maybe& a, const Maybe& b) requires std::three_way_comparable<T> {
    return a.value_ <=> b.value_;
  }
  /// The value, or "none".
  template <class Stream>
  friend Stream& operator<<(Stream& out, const Maybe& maybe) {
    if (maybe) {
      out << *maybe;
    } else {
      out << "none";
    }
    return out;
  }

#define ROGA_DETAIL_REFUSE(op)                                                                \
  template <class U>                                                                          \
  friend detail::TestItThenTakeItsValueWithStar operator op(const Maybe&, const U&) = delete; \
  template <class U>                                                                          \
  requires(!detail::is_maybe<U>) friend detail::TestItThenTakeItsValueWithStar operator op(   \
      const U&, const Maybe&) = delete;
  ROGA_DETAIL_REFUSE(+)
  ROGA_DETAIL_REFUSE(-)
  ROGA_DETAIL_REFUSE(*)
  ROGA_DETAIL_REFUSE(/)
#undef ROGA_DETAIL_REFUSE
  friend detail::TestItThenTakeItsValueWithStar operator-(const Maybe&) = delete;

 private:
  std::optional<T> value_;
};

}  // namespace v1
}  // namespace roga
