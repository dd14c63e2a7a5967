// SPDX-License-Identifier: MIT
#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace support {

/// Follows the bytes that LibTorch allocates and frees on the host while in scope.
class Bytes {
 public:
  std::int64_t peak() const { return counter_->peak; }
  void restart() { counter_->peak = counter_->now; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    std::int64_t now = 0;
    std::int64_t peak = 0;
    void add(std::int64_t size) {
      now += size;
      peak = std::max(peak, now);
    }
    // LibTorch changed the type of the totals; one of the two overrides.
    void reportMemoryUsage(void*, std::int64_t size, std::int64_t, std::int64_t, c10::Device) {
      add(size);
    }
    void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) {
      add(size);
    }
    bool memoryProfilingEnabled() const { return true; }
  };
  std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace support
