// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <type_traits>
#include <vector>

#include "support/torch.hpp"

namespace support {

/// FNV-1a in 64 bits over the bytes of what is added.
class Digest {
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) hash_ = (hash_ ^ bytes[i]) * 0x100000001b3U;
  }
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void add(Number number) { add(&number, sizeof number); }
  void add(const std::vector<double>& numbers) {
    add(numbers.size());
    for (const double number : numbers) add(number);
  }
  /// Type, shape and entries; of an undefined tensor, that it is.
  void add(const at::Tensor& tensor) {
    add(tensor.defined());
    if (!tensor.defined()) return;
    const auto values = tensor.detach().cpu().contiguous();
    add(static_cast<int>(values.scalar_type()));
    for (const auto size : values.sizes()) add(size);
    add(values.data_ptr(), values.nbytes());
  }

  std::string hex() const {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash_));
    return text.data();
  }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

}  // namespace support
