// SPDX-License-Identifier: MIT
#include <roga/policy/row.hpp>
#include <sstream>

#include "support/test.hpp"

TEST_CASE("row: prints as policies write it", "[row]") {
  std::ostringstream text;
  text << roga::erm << " " << roga::domain(1) << " " << roga::captured(12) << " "
       << roga::captured_mean << " " << roga::latest << " "
       << roga::Row{roga::Row::Kind::memory, 3};
  CHECK(text.str() == "erm domain(1) captured(12) captured_mean latest memory");
}
