// SPDX-License-Identifier: MIT
// Checkpoint files that are whole or refused. Not part of <roga/roga.hpp>.
#pragma once

#include <torch/serialize.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <roga/tensor/torch.hpp>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

namespace roga {
inline namespace v1 {
namespace detail {

/// Behind the archive: a mark, and the 64-bit FNV-1a digest of what is before it. A reader of zip
/// archives, as torch::load, passes over both.
constexpr std::array<char, 8> digest_mark{'r', 'o', 'g', 'a', 'd', 'i', 'g', '1'};
constexpr std::size_t digest_size = digest_mark.size() + sizeof(std::uint64_t);

inline std::array<char, digest_size> digest_of(const char* bytes, std::size_t size) {
  std::uint64_t digest = 14695981039346656037ULL;
  for (std::size_t i = 0; i < size; ++i) {
    digest = (digest ^ static_cast<unsigned char>(bytes[i])) * 1099511628211ULL;
  }
  std::array<char, digest_size> trailer{};
  std::copy(digest_mark.begin(), digest_mark.end(), trailer.begin());
  for (std::size_t i = 0; i < sizeof digest; ++i) {  // the same on every machine
    trailer[digest_mark.size() + i] = static_cast<char>(digest >> (8 * i) & 0xFFU);
  }
  return trailer;
}

}  // namespace detail

/// Writes a value that torch::save takes (an optimizer, a module, an OutputArchive's content) to a
/// file, in one go: a process that is killed, or a disk that is full, leaves the old file as it
/// was. torch::load reads the file too.
/// @throws c10::Error naming the file if it cannot be written
template <class Value>
void save_checkpoint(const Value& value, const std::filesystem::path& file) {
  std::ostringstream stream;
  if constexpr (requires(Value & archive) { archive.save_to(stream); }) {
    const_cast<Value&>(value).save_to(stream);  // OutputArchive's save_to is not const
  } else {
    torch::save(value, stream);
  }
  const std::string bytes = std::move(stream).str();
  const auto trailer = detail::digest_of(bytes.data(), bytes.size());
  const std::filesystem::path partial = file.string() + ".partial";
  {
    std::ofstream out(partial, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.write(trailer.data(), static_cast<std::streamsize>(trailer.size()));
    out.close();
    if (!out) {
      std::error_code ignored;
      std::filesystem::remove(partial, ignored);
      TORCH_CHECK(false, "roga: cannot write the checkpoint ", file.string(),
                  ": is its folder there and writable, and the disk not full?");
    }
  }
  std::error_code failed;
  std::filesystem::rename(partial, file, failed);
  TORCH_CHECK(!failed, "roga: cannot put the checkpoint ", file.string(),
              " in place: ", failed.message());
}

/// Opens a file of save_checkpoint.
/// @param device where its tensors go; where they were saved from, if not given
/// @throws c10::Error naming the file if it is missing, truncated, or differs in any bit from what
/// was written; torch::load, whose zip reader is often built without its checks, can take damaged
/// weights for good ones, or crash
inline torch::serialize::InputArchive open_checkpoint(const std::filesystem::path& file,
                                                      c10::optional<at::Device> device = {}) {
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK(in.good(), "roga: cannot read the checkpoint ", file.string());
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::size_t size =
      bytes.size() < detail::digest_size ? 0 : bytes.size() - detail::digest_size;
  const auto expected = detail::digest_of(bytes.data(), size);
  TORCH_CHECK(size > 0 && std::memcmp(bytes.data() + size, expected.data(), expected.size()) == 0,
              "roga: the checkpoint ", file.string(),
              " is damaged or was not written by roga::save_checkpoint; read a file of torch::save "
              "with torch::load");
  torch::serialize::InputArchive archive;
  archive.load_from(bytes.data(), size, device);
  return archive;
}

/// Reads a file of save_checkpoint into an optimizer or a module.
/// @param device that of the parameters, if they have moved since the file was written
/// @throws c10::Error as open_checkpoint; the value has not changed then
template <class Value>
void load_checkpoint(Value& value, const std::filesystem::path& file,
                     c10::optional<at::Device> device = {}) {
  auto archive = open_checkpoint(file, device);
  archive >> value;
}

}  // namespace v1
}  // namespace roga
