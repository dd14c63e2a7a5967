// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>

namespace support {

/// What a closure of the user throws.
struct OwnError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a step of a test ends: skipped, by OwnError, or as it should.
enum class End { skip, own_error, none };

}  // namespace support
