// SPDX-License-Identifier: MIT
// Ratios on a machine that others use, too: contenders take turns, step by step, and the median of
// the ratios within a turn counts. Times are those of this thread.
#pragma once

#include <ATen/record_function.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

namespace bench {

inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline double seconds(const std::function<void()>& work) {
  const double begin = thread_seconds();
  work();
  return thread_seconds() - begin;
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Calls into LibTorch's dispatcher; those that other calls make are not counted.
inline std::int64_t dispatcher_calls(const std::function<void()>& work) {
  struct Counts {
    std::int64_t depth = 0;
    std::int64_t calls = 0;
  };
  thread_local Counts counts;
  counts = {};
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(
          [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> {
            if (counts.depth++ == 0) ++counts.calls;
            return nullptr;
          },
          [](const at::RecordFunction&, at::ObserverContext*) { --counts.depth; })
          .scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(handle);
  return counts.calls;
}

}  // namespace bench
