// SPDX-License-Identifier: MIT
#pragma once

#include <roga/tensor/scalar.hpp>

namespace support {

/// Runs an accelerator's arithmetic on the CPU while in scope.
class AsOnAccelerator {
 public:
  explicit AsOnAccelerator(bool on = true) { roga::detail::treat_cpu_as_accelerator = on; }
  AsOnAccelerator(const AsOnAccelerator&) = delete;
  AsOnAccelerator& operator=(const AsOnAccelerator&) = delete;
  ~AsOnAccelerator() { roga::detail::treat_cpu_as_accelerator = false; }
};

}  // namespace support
