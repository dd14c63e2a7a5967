// SPDX-License-Identifier: MIT
#pragma once

#include <limits>

namespace roga {
inline namespace v1 {

/// The values that an option may have; infinity and NaN are in none.
struct Range {
  double least = -std::numeric_limits<double>::infinity();  ///< lower end
  double most = std::numeric_limits<double>::infinity();    ///< upper end
  bool with_least = false;                                  ///< the lower end belongs to it
  bool with_most = false;                                   ///< the upper end belongs to it

  /// Every number.
  static constexpr Range any() { return {}; }
  /// Above 0.
  static constexpr Range positive() { return {.least = 0}; }
  /// 0 and above.
  static constexpr Range not_negative() { return at_least(0); }
  /// `least` and above.
  static constexpr Range at_least(double least) { return {.least = least, .with_least = true}; }
  /// [least, most]
  static constexpr Range within(double least, double most) {
    return {.least = least, .most = most, .with_least = true, .with_most = true};
  }
  /// [least, end)
  static constexpr Range half_open(double least, double end) {
    return {.least = least, .most = end, .with_least = true};
  }

  /// Whether an option may have this value.
  constexpr bool contains(double value) const {
    return (with_least ? value >= least : value > least) &&
           (with_most ? value <= most : value < most);
  }

  /// What an option must be: "0 or more", "in [0, 1)".
  template <class Stream>
  friend Stream& operator<<(Stream& out, const Range& range) {
    const bool below = range.least > any().least;
    const bool above = range.most < any().most;
    if (below && above) {
      out << "in " << (range.with_least ? "[" : "(") << range.least << ", " << range.most
          << (range.with_most ? "]" : ")");
    } else if (below && range.with_least) {
      out << range.least << " or more";
    } else if (below) {
      out << "more than " << range.least;
    } else if (above) {
      out << (range.with_most ? "at most " : "less than ") << range.most;
    } else {
      out << "any number";
    }
    return out;
  }
};

}  // namespace v1
}  // namespace roga
