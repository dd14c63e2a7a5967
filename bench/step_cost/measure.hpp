// SPDX-License-Identifier: MIT
// Ratios on a machine that others use, too: contenders take turns, step by step, and the median of
// the ratios within a turn counts. Times are those of this thread. On a CUDA device, which works
// while the host goes on, they are the clock's between two moments at which the device is idle.
#pragma once

#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <vector>

namespace bench {

/// Where contenders work.
inline at::Device device = at::kCPU;

inline double now() {
  if (device.is_cuda()) {
    torch::cuda::synchronize();
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(since).count();
  }
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

inline double seconds(const std::function<void()>& work) {
  const double begin = now();
  work();
  return now() - begin;
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace bench
