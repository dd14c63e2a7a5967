// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

namespace bench {

/// What a piece of work asked of a CUDA device, as LibTorch's profiler (CUPTI) saw it.
struct Profile {
  std::int64_t kernels = 0;
  std::int64_t waits = 0;  ///< calls in which the host waited for the device
  double seconds = 0;      ///< that the device worked, on copies and fills as well
};
Profile profile(const std::function<void()>& work);

}  // namespace bench
