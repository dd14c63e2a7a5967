// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/record_function.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace support {

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

}  // namespace support
