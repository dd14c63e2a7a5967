// SPDX-License-Identifier: MIT
// What roga adds to a base optimizer's archive, under the key "roga".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <roga/policy/memory.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

constexpr std::int64_t checkpoint_format = 1;
using ParameterGroups = std::vector<torch::optim::OptimizerParamGroup>;

inline void save_memory(torch::serialize::OutputArchive& archive, const Memory& memory) {
  archive.write("step", c10::IValue(memory.step));
  c10::Dict<std::string, std::vector<double>> numbers;
  for (const auto& [name, values] : memory.numbers) numbers.insert(name, values);
  archive.write("numbers", c10::IValue(numbers));
  c10::Dict<std::string, c10::List<at::Tensor>> rows;
  for (const auto& [name, row] : memory.rows) {
    // An undefined tensor has no place in an archive; an empty list of shape [0] of bytes marks it.
    c10::List<at::Tensor> tensors;
    for (const auto& x : row) tensors.push_back(x.defined() ? x : at::zeros({0}, at::kByte));
    rows.insert(name, tensors);
  }
  archive.write("rows", c10::IValue(rows));
}

inline Memory load_memory(torch::serialize::InputArchive& archive, const ParameterGroups& groups) {
  const auto parameters = members(groups);
  Memory memory;
  c10::IValue value;
  archive.read("step", value);
  memory.step = value.toInt();
  archive.read("numbers", value);
  for (const auto& entry : value.toGenericDict()) {
    memory.numbers[entry.key().toStringRef()] = entry.value().toDoubleVector();
  }
  archive.read("rows", value);
  for (const auto& entry : value.toGenericDict()) {
    auto& row = memory.rows[entry.key().toStringRef()];
    const auto tensors = entry.value().toTensorVector();
    TORCH_CHECK(tensors.size() <= parameters.size(), "roga: the checkpoint's row '",
                entry.key().toStringRef(), "' has ", tensors.size(), " tensors for ",
                parameters.size(), " parameters");
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const bool missing = tensors[i].scalar_type() == at::kByte;
      const auto& parameter = parameters[i].parameter;
      TORCH_CHECK(missing || tensors[i].sizes() == parameter.sizes(),
                  "roga: the checkpoint's row '", entry.key().toStringRef(), "' has shape ",
                  tensors[i].sizes(), " for a parameter of shape ", parameter.sizes());
      row.push_back(missing ? at::Tensor() : tensors[i].to(parameter.device()));
    }
  }
  return memory;
}

/// The parameters' shapes, which LibTorch's optimizers do not compare with their own.
inline void save_shapes(torch::serialize::OutputArchive& archive, const ParameterGroups& groups) {
  c10::List<c10::List<std::int64_t>> shapes;
  for (const auto& member : members(groups)) {
    shapes.push_back(c10::List<std::int64_t>(member.parameter.sizes()));
  }
  archive.write("shapes", c10::IValue(shapes));
}
inline void check_shapes(torch::serialize::InputArchive& archive, const ParameterGroups& groups) {
  c10::IValue value;
  if (!archive.try_read("shapes", value)) return;  // a file without them
  const auto shapes = value.toList();
  const auto parameters = members(groups);
  TORCH_CHECK(shapes.size() == parameters.size(), "roga: the checkpoint has ", shapes.size(),
              " parameters, the optimizer has ", parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto shape = c10::IValue(shapes.get(i)).toIntVector();
    const auto& parameter = parameters[i].parameter;
    TORCH_CHECK(parameter.sizes() == shape, "roga: the checkpoint's parameter ", i, " has shape ",
                at::IntArrayRef(shape), ", the optimizer's ", parameter.sizes());
  }
}

inline void save_checkpoint(torch::serialize::OutputArchive& archive, const ParameterGroups& groups,
                            const Memory& memory) {
  torch::serialize::OutputArchive roga(archive.compilation_unit());
  roga.write("format", c10::IValue(checkpoint_format));
  roga.write("groups", c10::IValue(static_cast<std::int64_t>(groups.size())));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    // LibTorch 1.13 writes group options and never reads them back, so they are kept here too.
    try {
      torch::serialize::OutputArchive options(archive.compilation_unit());
      if (groups[i].has_options()) groups[i].options().serialize(options);
      roga.write("options" + std::to_string(i), options);
    } catch (const c10::Error&) {  // options of the user's own that have no serialize()
    }
  }
  save_shapes(roga, groups);
  save_memory(roga, memory);
  archive.write("roga", roga);
}

/// Reads the whole checkpoint before it changes anything; if the base's own part turns out to be
/// unusable, what the base has changed by then is undone.
/// @param load_base takes from the loaded memory what is not a policy's, and reads the base's part
/// into `optimizer`
template <class LoadBase>
void load_checkpoint(torch::serialize::InputArchive& archive, torch::optim::Optimizer& optimizer,
                     Memory& memory, LoadBase&& load_base) {
  auto& groups = optimizer.param_groups();
  torch::serialize::InputArchive roga;
  TORCH_CHECK(archive.try_read("roga", roga),
              "roga: this archive has no 'roga' entry: it was not saved by a roga optimizer");
  c10::IValue format;
  roga.read("format", format);
  TORCH_CHECK(format.isInt() && format.toInt() == checkpoint_format, "roga: checkpoint format ",
              format, " is not ", checkpoint_format, ", the one this version reads");
  c10::IValue count;
  roga.read("groups", count);
  TORCH_CHECK(count.toInt() == static_cast<std::int64_t>(groups.size()),
              "roga: the checkpoint has ", count.toInt(), " parameter groups, the optimizer has ",
              groups.size());
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> loaded;
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> before;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    torch::serialize::InputArchive options;
    before.push_back(groups[i].options().clone());
    loaded.push_back(groups[i].options().clone());
    if (roga.try_read("options" + std::to_string(i), options)) loaded.back()->serialize(options);
  }
  check_shapes(roga, groups);
  Memory loaded_memory = load_memory(roga, groups);

  auto states_before = std::move(optimizer.state());
  optimizer.state().clear();
  try {
    load_base(loaded_memory);
  } catch (...) {
    optimizer.state() = std::move(states_before);
    for (std::size_t i = 0; i < groups.size(); ++i) groups[i].set_options(std::move(before[i]));
    throw;
  }
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i].set_options(std::move(loaded[i]));
  memory = std::move(loaded_memory);
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
