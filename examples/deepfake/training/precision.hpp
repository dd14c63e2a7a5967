// SPDX-License-Identifier: MIT
// Mixed precision: passes in half precision over float32 weights.
#pragma once

// clang-format off
#include <ATen/core/ivalue.h>  // first: clang 14 with LibTorch 1.13 needs it
// clang-format on
#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include <string>

namespace deepfake {

/// Of the passes. @param precision float32, bfloat16 or float16
inline at::ScalarType scalar_type(const std::string& precision) {
  if (precision == "bfloat16") return at::kBFloat16;
  return precision == "float16" ? at::kHalf : at::kFloat;
}

/// While it lives, LibTorch runs what is safe in @p type (bfloat16 or half); with float32 nothing
/// changes.
class Autocast {
 public:
  Autocast(at::Device device, at::ScalarType type) : device_(device), on_(type != at::kFloat) {
    if (!on_) return;
    at::autocast::increment_nesting();
#if TORCH_VERSION_MAJOR >= 2
    at::autocast::set_autocast_dtype(device_.type(), type);
    at::autocast::set_autocast_enabled(device_.type(), true);
#else
    if (device_.is_cuda()) {
      at::autocast::set_autocast_gpu_dtype(type);
      at::autocast::set_enabled(true);
    } else {
      at::autocast::set_autocast_cpu_dtype(type);
      at::autocast::set_cpu_enabled(true);
    }
#endif
  }
  ~Autocast() {
    if (!on_) return;
#if TORCH_VERSION_MAJOR >= 2
    at::autocast::set_autocast_enabled(device_.type(), false);
#else
    device_.is_cuda() ? at::autocast::set_enabled(false) : at::autocast::set_cpu_enabled(false);
#endif
    // Weights are cast once per pass; they may be elsewhere in the next one.
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::Device device_;
  bool on_;
};

}  // namespace deepfake
