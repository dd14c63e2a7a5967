// SPDX-License-Identifier: MIT
#pragma once

#include <roga/tensor/scalar.hpp>

namespace support {

/// Runs an accelerator's arithmetic on the CPU while in scope.
class AsOnAccelerator {
 public:
  explicit AsOnAccelerator(bool on = true) { roga::Scalar::keep_on_device = on; }
  AsOnAccelerator(const AsOnAccelerator&) = delete;
  AsOnAccelerator& operator=(const AsOnAccelerator&) = delete;
  ~AsOnAccelerator() { roga::Scalar::keep_on_device = false; }
};

}  // namespace support
