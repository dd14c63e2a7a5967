// SPDX-License-Identifier: MIT
#pragma once

#include "support/torch.hpp"
// LibTorch comes first.
#include <ATen/autocast_mode.h>

namespace support {

/// Autocast to bfloat16 on the CPU while in scope; its end drops the casts.
class Autocast {
 public:
  explicit Autocast(bool on = true) : on_(on) {
    if (on_) enable(true);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    if (!on_) return;
    enable(false);
    at::autocast::clear_cache();
  }

 private:
  static void enable(bool on) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_enabled(at::kCPU, on);
#else
    at::autocast::set_cpu_enabled(on);
#endif
  }
  bool on_;
};

}  // namespace support
