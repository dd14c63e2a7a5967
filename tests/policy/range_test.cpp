// SPDX-License-Identifier: MIT
#include <roga/policy/range.hpp>

#include <cmath>
#include <sstream>
#include <string>

#include "support/test.hpp"

namespace {

using roga::Range;

std::string text_of(const Range& range) {
  std::ostringstream text;
  text << range;
  return text.str();
}

}  // namespace

TEST_CASE("range: contains what it says in words", "[policy]") {
  CHECK(Range::any().contains(-1e300));
  CHECK_FALSE(Range::any().contains(std::nan("")));
  CHECK_FALSE(Range::any().contains(INFINITY));
  CHECK_FALSE(Range::positive().contains(0));
  CHECK(Range::not_negative().contains(0));
  CHECK_FALSE(Range::not_negative().contains(-1));
  CHECK_FALSE(Range::at_least(1).contains(0.5));
  CHECK(Range::within(0, 1).contains(1));
  CHECK(Range::half_open(0, 1).contains(0));
  CHECK_FALSE(Range::half_open(0, 1).contains(1));
  CHECK(text_of(Range::any()) == "any number");
  CHECK(text_of(Range::positive()) == "more than 0");
  CHECK(text_of(Range::at_least(1)) == "1 or more");
  CHECK(text_of(Range::within(0, 1)) == "in [0, 1]");
  CHECK(text_of(Range::half_open(0, 1)) == "in [0, 1)");
}
