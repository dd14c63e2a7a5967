// SPDX-License-Identifier: MIT
// What roga adds to a base optimizer's archive, under the key "roga".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <roga/engine/base_states.hpp>
#include <roga/engine/state.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Format 1 kept everything in one memory: what a policy remembered, the scaler's numbers and the
/// marks of parameters that have had gradients, under reserved names.
constexpr std::int64_t archive_format = 2;

/// What an archive holds besides the base's part and the groups' options.
struct Archived {
  State state;
  std::vector<double> scaler;      ///< numbers of a loss scaler; empty without one
  std::vector<bool> had_gradient;  ///< by parameter: whether .grad was defined
};

/// How many rows each policy of a recipe remembers, by role.
using RememberedRows = std::array<std::size_t, role_count>;

inline const char* key_of(std::size_t role) {
  constexpr std::array keys{"perturbation", "capture", "alignment"};
  return keys.at(role);
}

inline void write_memory(torch::serialize::OutputArchive& archive, const Memory& memory) {
  // Dictionaries of any value: typed ones are templates that every program would pay for.
  const auto string = c10::StringType::get();
  c10::impl::GenericDict numbers(string, c10::ListType::ofFloats());
  for (const auto& [name, values] : memory.numbers) {
    numbers.insert(name, at::ArrayRef<double>(values));
  }
  archive.write("numbers", c10::IValue(numbers));
  c10::impl::GenericDict rows(string, c10::ListType::ofTensors());
  for (const auto& [name, row] : memory.rows) {
    // An archive cannot hold an undefined tensor; an empty tensor of bytes marks it.
    c10::List<at::Tensor> tensors;
    for (const auto& x : row) tensors.push_back(x.defined() ? x : at::zeros({0}, at::kByte));
    rows.insert(name, tensors);
  }
  archive.write("rows", c10::IValue(rows));
}

inline Memory read_memory(torch::serialize::InputArchive& archive,
                          const std::vector<Member>& parameters) {
  Memory memory;
  c10::IValue value;
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

/// Gives the single memory of a file of format 1 to the policies: rows to those that remember rows,
/// numbers to all.
inline void share_out(Archived& archived, Memory memory, const RememberedRows& remembers) {
  if (auto entry = memory.numbers.extract("loss_scaler")) {
    archived.scaler = std::move(entry.mapped());
  }
  if (auto entry = memory.numbers.extract("gradients_seen")) {
    for (const double seen : entry.mapped()) archived.had_gradient.push_back(seen > 0);
  }
  const bool nobody = remembers == RememberedRows{};
  for (std::size_t role = 0; role < role_count; ++role) {
    archived.state.memories[role].numbers = memory.numbers;
    const bool alignment = role == static_cast<std::size_t>(Role::alignment);
    if (remembers[role] > 0 || (nobody && alignment)) {
      archived.state.memories[role].rows = memory.rows;
    }
  }
}

inline Archived read_state(torch::serialize::InputArchive& archive, std::int64_t format,
                           const ParameterGroups& groups, const RememberedRows& remembers) {
  const auto parameters = members(groups);
  Archived archived;
  c10::IValue value;
  archive.read("step", value);
  archived.state.step = value.toInt();
  if (format == 1) {
    share_out(archived, read_memory(archive, parameters), remembers);
  } else {
    for (std::size_t role = 0; role < role_count; ++role) {
      torch::serialize::InputArchive memory;
      archive.read(key_of(role), memory);
      archived.state.memories[role] = read_memory(memory, parameters);
    }
    archive.read("had_gradient", value);
    for (const auto had : value.toIntVector()) archived.had_gradient.push_back(had != 0);
    archive.read("scaler", value);
    archived.scaler = value.toDoubleVector();
  }
  for (const auto& member : parameters) archived.state.parameters.push_back(member.parameter);
  return archived;
}

/// The parameters' shapes, which LibTorch's optimizers do not compare with their own.
inline void write_shapes(torch::serialize::OutputArchive& archive, const ParameterGroups& groups) {
  c10::impl::GenericList shapes(c10::ListType::ofInts());
  for (const auto& member : members(groups)) {
    shapes.push_back(c10::IValue(member.parameter.sizes()));
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

/// Writes the entry.
inline void write_archive(torch::serialize::OutputArchive& archive, const ParameterGroups& groups,
                          Archived archived) {
  torch::serialize::OutputArchive roga(archive.compilation_unit());
  roga.write("format", c10::IValue(archive_format));
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
  write_shapes(roga, groups);

  archived.state.follow(parameters_of(groups));
  roga.write("step", c10::IValue(archived.state.step));
  for (std::size_t role = 0; role < role_count; ++role) {
    torch::serialize::OutputArchive memory(archive.compilation_unit());
    write_memory(memory, archived.state.memories[role]);
    roga.write(key_of(role), memory);
  }
  const std::vector<std::int64_t> had_gradient(archived.had_gradient.begin(),
                                               archived.had_gradient.end());
  roga.write("had_gradient", c10::IValue(at::IntArrayRef(had_gradient)));
  roga.write("scaler", c10::IValue(at::ArrayRef<double>(archived.scaler)));
  try {
    archive.write("roga", roga);
  } catch (const c10::Error&) {
    TORCH_CHECK(false,
                "roga: this archive has a 'roga' entry already: an optimizer that is wrapped twice "
                "cannot be saved; wrap the plain one");
  }
}

/// Runs a reader. Damage can make LibTorch's readers throw other exceptions than c10::Error, which
/// become one here.
inline void read_undamaged(const std::function<void()>& read) {
  try {
    read();
  } catch (const c10::Error&) {
    throw;
  } catch (const std::exception& error) {
    TORCH_CHECK(false, "roga: the checkpoint is damaged: ", error.what());
  }
}

/// Reads the whole entry before it changes anything; if the base's own part turns out to be
/// unusable, what the base has changed by then is undone.
/// @param remembers of the recipe, for files of format 1
/// @param load_base checks what was read, and reads the base's part into `optimizer`
template <class LoadBase>
Archived read_archive(torch::serialize::InputArchive& archive, torch::optim::Optimizer& optimizer,
                      const RememberedRows& remembers, LoadBase&& load_base) {
  auto& groups = optimizer.param_groups();
  torch::serialize::InputArchive roga;
  TORCH_CHECK(archive.try_read("roga", roga),
              "roga: this archive has no 'roga' entry: it was not saved by a roga optimizer; "
              "roga::load_plain reads the file of a plain optimizer");
  c10::IValue format;
  roga.read("format", format);
  TORCH_CHECK(format.isInt() && format.toInt() >= 1 && format.toInt() <= archive_format,
              "roga: the checkpoint has format ", format,
              "; this version of roga reads formats 1 to ", archive_format);
  c10::IValue count;
  roga.read("groups", count);
  TORCH_CHECK(count.toInt() == static_cast<std::int64_t>(groups.size()),
              "roga: the checkpoint has ", count.toInt(), " parameter groups, the optimizer has ",
              groups.size());
  auto options = copied_options(groups);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    torch::serialize::InputArchive saved;
    if (options[i] && roga.try_read("options" + std::to_string(i), saved)) {
      options[i]->serialize(saved);
    }
  }
  check_shapes(roga, groups);
  Archived archived = read_state(roga, format.toInt(), groups, remembers);
  replace_states(optimizer, std::move(options), [&] { load_base(archived); });
  return archived;
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
