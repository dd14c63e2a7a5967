// SPDX-License-Identifier: MIT
// Checkpoint files; damaged ones are refused. Not part of <roga/roga.hpp>.
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
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Follows the archive in the file: a mark, and the 64-bit FNV-1a digest of the archive. Readers of
/// zip archives, such as torch::load, skip both.
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

/// A module of LibTorch's C++ frontend.
template <class T>
concept HasParameters = requires(const T& value, torch::serialize::OutputArchive& archive) {
  value.parameters();
  value.buffers();
  value.save(archive);
};
/// A holder of, or pointer to, such a module.
template <class T>
concept PointsToParameters = requires(const T& value) {
  { *value } -> HasParameters;
};

/// Runs `read`; if that throws, or gives a parameter another shape, the module is as it was.
template <class Module, class Read>
void read_module(Module& module, Read&& read) {
  std::vector<std::pair<at::Tensor, at::Tensor>> before;  // each tensor, and its data
  const auto parameters = module.parameters();
  for (const auto& list : {parameters, module.buffers()}) {
    for (const auto& tensor : list) before.emplace_back(tensor, tensor.detach());
  }
  try {
    read();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      TORCH_CHECK(parameters[i].sizes() == before[i].second.sizes(),
                  "roga: the checkpoint's parameter ", i, " has shape ", parameters[i].sizes(),
                  ", the module's ", before[i].second.sizes());
    }
  } catch (...) {
    for (auto& [tensor, was] : before) tensor.set_data(was);
    throw;
  }
}

/// Adds pairs of each tensor of a TorchScript module and the saved one.
inline void collect(torch::serialize::InputArchive& archive, const torch::jit::Module& module,
                    std::vector<std::pair<at::Tensor, at::Tensor>>& pairs) {
  auto add = [&](const auto& tensors) {
    for (const auto& entry : tensors) {
      at::Tensor saved;
      archive.read(entry.name, saved);
      TORCH_CHECK(saved.sizes() == entry.value.sizes(), "roga: the checkpoint's '", entry.name,
                  "' has shape ", saved.sizes(), ", the module's ", entry.value.sizes());
      pairs.emplace_back(entry.value, saved);
    }
  };
  add(module.named_parameters(/*recurse=*/false));
  add(module.named_buffers(/*recurse=*/false));
  for (const auto& child : module.named_children()) {
    torch::serialize::InputArchive of_child;
    archive.read(child.name, of_child);
    collect(of_child, child.value, pairs);
  }
}

}  // namespace detail

/// Writes a value to a file, all or nothing: if the process is killed or the disk is full, the old
/// file stays as it was. torch::load (torch::jit::load) reads the file too.
/// @param value an optimizer; a module, as itself, its holder or a std::shared_ptr; a
/// torch::jit::Module; a tensor or a std::vector of them; an OutputArchive, for its content; or
/// anything else that torch::save takes
/// @throws c10::Error naming the file if it cannot be written
template <class Value>
void save_checkpoint(const Value& value, const std::filesystem::path& file) {
  std::ostringstream stream;
  if constexpr (std::is_same_v<Value, torch::serialize::OutputArchive>) {
    const_cast<Value&>(value).save_to(stream);  // save_to() is not const
  } else if constexpr (std::is_base_of_v<torch::jit::Module, Value>) {
    value.save(stream);
  } else if constexpr (detail::HasParameters<Value>) {  // torch::save takes its holder only
    torch::serialize::OutputArchive archive;
    value.save(archive);
    archive.save_to(stream);
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
                  "; check that its folder exists and is writable, and that the disk is not full");
    }
  }
  std::error_code failed;
  std::filesystem::rename(partial, file, failed);
  TORCH_CHECK(!failed, "roga: cannot rename ", partial.string(), " to the checkpoint ",
              file.string(), ": ", failed.message());
}

/// Opens a file of save_checkpoint.
/// @param device where its tensors go; where they were saved from, if not given
/// @throws c10::Error naming the file if it is missing, truncated, or differs in any bit from what
/// was written. torch::load can accept damaged weights, or crash: its zip reader is often built
/// without checksums.
inline torch::serialize::InputArchive open_checkpoint(const std::filesystem::path& file,
                                                      c10::optional<at::Device> device = {}) {
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK(in.good(), "roga: cannot read the checkpoint ", file.string(),
              "; check that the file exists and is readable");
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

/// Reads a file of save_checkpoint into a value of the kind that was saved. Tensors of a module
/// keep their identity, so an optimizer over them goes on.
/// @param device the parameters' device, if they have moved since the file was written
/// @throws c10::Error as open_checkpoint, and if the file is of something else. A roga optimizer or
/// a module has not changed then. A plain optimizer may have, if the file is whole: LibTorch loads
/// it.
template <class Value>
void load_checkpoint(Value& value, const std::filesystem::path& file,
                     c10::optional<at::Device> device = {}) {
  using torch::operator>>;  // the one for tensors is not found otherwise
  auto archive = open_checkpoint(file, device);
  if constexpr (detail::HasParameters<Value>) {
    detail::read_module(value, [&] { value.load(archive); });
  } else if constexpr (detail::PointsToParameters<Value>) {
    detail::read_module(*value, [&] { archive >> value; });
  } else {
    archive >> value;
  }
}
/// The same for a TorchScript module: its parameters and buffers, by name; attributes that are not
/// tensors stay as they are.
inline void load_checkpoint(torch::jit::Module& module, const std::filesystem::path& file,
                            c10::optional<at::Device> device = {}) {
  auto archive = open_checkpoint(file, device);
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs;
  detail::collect(archive, module, pairs);
  const at::NoGradGuard no_grad;
  for (auto& [tensor, saved] : pairs) tensor.copy_(saved);
}
/// The same for tensors, which replace those in `tensors`.
inline void load_checkpoint(std::vector<at::Tensor>& tensors, const std::filesystem::path& file,
                            c10::optional<at::Device> device = {}) {
  auto archive = open_checkpoint(file, device);
  std::vector<at::Tensor> read;
  for (const std::size_t count = archive.keys().size(); read.size() < count;) {
    at::Tensor tensor;
    archive.read(std::to_string(read.size()), tensor);
    read.push_back(std::move(tensor));
  }
  tensors = std::move(read);
}
/// The same as open_checkpoint, for the content of an OutputArchive.
inline void load_checkpoint(torch::serialize::InputArchive& archive,
                            const std::filesystem::path& file,
                            c10::optional<at::Device> device = {}) {
  archive = open_checkpoint(file, device);
}

}  // namespace v1
}  // namespace roga
