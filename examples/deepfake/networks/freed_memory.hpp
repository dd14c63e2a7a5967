// SPDX-License-Identifier: MIT
#pragma once

#include <malloc.h>

namespace deepfake {

/// Keeps freed memory in the process: a step frees and asks for the same tensors again and again,
/// and to give their pages back each time can cost more than the arithmetic.
inline void keep_freed_memory() {
  constexpr int mebibyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * mebibyte);
  mallopt(M_TRIM_THRESHOLD, 1024 * mebibyte);
  mallopt(M_TOP_PAD, 64 * mebibyte);
}

}  // namespace deepfake
