// SPDX-License-Identifier: MIT
// What torch::save writes, as a string.
#pragma once

#include <sstream>
#include <string>

#include "support/torch.hpp"

namespace support {

template <class Value>
std::string saved(const Value& value) {
  std::ostringstream stream;
  torch::save(value, stream);
  return stream.str();
}

template <class Value>
void load(Value& value, const std::string& bytes) {
  std::istringstream stream(bytes);
  torch::load(value, stream);
}

}  // namespace support
