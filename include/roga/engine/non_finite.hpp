// SPDX-License-Identifier: MIT
#pragma once

namespace roga {
inline namespace v1 {

/// What a step does about a loss or gradient that is not finite.
enum class NonFinite : unsigned char {
  skip,    ///< leave weights, buffers and optimizer state as they were, and report it (default)
  raise,   ///< the same, and throw c10::Error
  ignore,  ///< no check; the only mode without a host synchronisation per step on an accelerator
};

}  // namespace v1
}  // namespace roga
