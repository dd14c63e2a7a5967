// SPDX-License-Identifier: MIT
#include <optional>
#include <roga/policy/maybe.hpp>
#include <roga/policy/row.hpp>
#include <sstream>
#include <string>

#include "support/test.hpp"

using roga::Maybe;

namespace {

template <class T>
std::string printed(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

/// What a policy or a report gives.
template <class T>
Maybe<T> given(std::optional<T> value) {
  return value;
}

}  // namespace

TEST_CASE("maybe: is an optional value that prints", "[maybe]") {
  CHECK(printed(given<double>(.5)) == "0.5");
  CHECK(printed(given<double>({})) == "none");
  CHECK(printed(given<roga::Row>(roga::domain(2))) == "domain(2)");
  CHECK(printed(given<std::string>({})) == "none");
  CHECK(printed(given<std::string>("text")) == "text");

  const auto there = given<double>(.5);
  const auto missing = given<double>({});
  CHECK((there && there.has_value() && *there == .5 && there.value() == .5));
  CHECK_FALSE((missing || missing.has_value()));
  CHECK(there.value_or(2) == .5);
  CHECK(missing.value_or(2) == 2);
  CHECK(given<roga::Row>(roga::domain(2))->index == 2);
  const std::optional<double> standard = there;
  CHECK(standard == .5);
}

TEST_CASE("maybe: compares as an optional value does", "[maybe]") {
  const auto there = given<double>(.5);
  const auto missing = given<double>({});
  CHECK((there == there && there == .5 && .5 == there && there != missing && missing == missing));
  CHECK((missing == std::nullopt && there != std::nullopt));
  CHECK((there > .25 && .25 < there && there <= .5 && missing < there && missing < -1e300));
  CHECK(given<roga::Row>(roga::erm) == roga::erm);
  CHECK(given<roga::Row>({}) != roga::erm);
}

TEST_CASE("maybe: to take what is missing throws", "[maybe]") {
  CHECK_THROWS_WITH(*given<double>({}), ContainsSubstring("roga: this value is missing"));
  CHECK_THROWS_AS(given<roga::Row>({})->index, c10::Error);
  CHECK_THROWS_AS(given<std::string>({}).value(), c10::Error);
}
