// SPDX-License-Identifier: MIT
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "files/npy.hpp"

#include <bit>
#include <string>

#include "files/replace_file.hpp"

namespace deepfake {

static_assert(std::endian::native == std::endian::little, "the values are written as they lie");

void write_npy(const std::filesystem::path& file, std::span<const double> values,
               std::size_t columns) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / columns) + ", " + std::to_string(columns) +
                       "), }";
  const std::string magic("\x93NUMPY\x01\0", 8);  // and version 1.0
  constexpr std::size_t length_bytes = 2;
  constexpr std::size_t alignment = 64;  // of the values, so that they can be mapped
  while ((magic.size() + length_bytes + header.size() + 1) % alignment != 0) header += ' ';
  header += '\n';
  std::string bytes = magic;
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  replace_file(file, bytes);
}

}  // namespace deepfake
