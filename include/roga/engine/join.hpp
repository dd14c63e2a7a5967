// SPDX-License-Identifier: MIT
// Gives the ranks of a team the weights, buffers, state and memory of the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <roga/engine/buffer_snapshot.hpp>
#include <roga/engine/protection.hpp>
#include <roga/engine/team.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// The message of what `work` throws; empty if it throws nothing.
inline std::string failure_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

inline at::Tensor bytes_of(const std::string& text) {
  auto bytes = at::empty({static_cast<std::int64_t>(text.size())}, at::kByte);
  if (!text.empty()) std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}
inline std::string text_of(const at::Tensor& bytes) {
  return {static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel())};
}

/// Gives all ranks the tensors of the first, bit for bit, in the storage that is there.
inline void spread(Team& team, const std::vector<at::Tensor>& tensors) {
  const c10::NoGradGuard no_grad;
  for (const auto& tensor : tensors) {
    if (!tensor.defined() || tensor.numel() == 0 || !has_memory(tensor)) continue;
    at::Tensor bytes;
    if (team.rank() == 0) {
      const auto line = written_once(tensor).detach().cpu().contiguous();
      bytes = at::empty({static_cast<std::int64_t>(line.nbytes())}, at::kByte);
      std::memcpy(bytes.data_ptr(), line.data_ptr(), line.nbytes());
    }
    bytes = team.of_first(bytes);
    if (team.rank() == 0) continue;
    auto line = at::empty(written_once(tensor).sizes(), tensor.options().device(at::kCPU));
    std::memcpy(line.data_ptr(), bytes.data_ptr(), line.nbytes());
    overwrite(tensor.detach(), line);
  }
}

/// @param failure why this rank cannot take part; empty if it can
/// @throws c10::Error on all ranks, if one cannot, or if they differ in what must be the same
inline void join(Team& team, torch::optim::Optimizer& optimizer, const Protection& protection,
                 std::string failure) {
  const auto parameters = parameters_of(optimizer.param_groups());
  if (failure.empty() && parameters.empty()) failure = "the optimizer has no parameters";
  const auto buffers = protection.buffers();
  Fingerprint print;
  print.add(fingerprint(parameters)).add(fingerprint(buffers));
  print.add(static_cast<double>(team.placement())).add(team.ascends_locally() ? 1.0 : 0.0);
  constexpr const char* call = "distribute()";
  team.confirm(failure, call, print.value());

  std::string file;
  if (team.rank() == 0) {
    failure = failure_of([&] {
      torch::serialize::OutputArchive archive;
      optimizer.save(archive);
      std::ostringstream stream;
      archive.save_to(stream);
      file = stream.str();
    });
  }
  team.confirm(failure, call);
  file = text_of(team.of_first(bytes_of(file)));
  if (team.rank() != 0) {
    failure = failure_of([&] {
      std::istringstream stream(file);
      torch::serialize::InputArchive archive;
      archive.load_from(stream);
      optimizer.load(archive);
    });
  }
  team.confirm(failure, call);
  spread(team, parameters);
  spread(team, buffers);
  forget_casts();
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
