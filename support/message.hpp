// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/Exception.h>

#include <string>

namespace support {

/// The message of a call that fails; "nothing" if it does not fail.
template <class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "nothing";
}

}  // namespace support
