// SPDX-License-Identifier: MIT
// The archives of plain optimizers, checked where LibTorch does not check them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <roga/engine/any_optimizer.hpp>
#include <roga/engine/base_states.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// A list of an archive of the format before 1.5, with an entry for each parameter up to the last
/// that had a gradient.
struct OldList {
  const char* name;
  bool optional;
};
/// The lists of a base; none for LBFGS and bases of the user's own, which are not checked.
inline std::vector<OldList> old_lists(const torch::optim::Optimizer& base) {
  if (is_a<torch::optim::SGD>(base)) return {{"momentum_buffers", false}};
  if (is_a<torch::optim::Adam>(base) || is_a<torch::optim::AdamW>(base)) {
    return {{"step_buffers", false},
            {"exp_average_buffers", false},
            {"exp_average_sq_buffers", false},
            {"max_exp_average_sq_buffers", true}};
  }
  if (is_a<torch::optim::Adagrad>(base)) {
    return {{"step_buffers", false}, {"sum_buffers", false}};
  }
  if (is_a<torch::optim::RMSprop>(base)) {
    return {{"square_average_buffers", false},
            {"momentum_buffers", true},
            {"grad_average_buffers", true}};
  }
  return {};
}

/// LibTorch indexes the parameters by the lists' lengths, or the lists by the number of parameters,
/// and does not notice the lists of another optimizer.
inline void check_old_lists(torch::serialize::InputArchive& archive,
                            const torch::optim::Optimizer& base) {
  const auto known = old_lists(base);
  if (known.empty()) return;
  const auto& groups = base.param_groups();
  TORCH_CHECK(groups.size() == 1,
              "roga: the file has the format from before LibTorch 1.5, which holds one parameter "
              "group; the optimizer has ",
              groups.size());
  const auto count = static_cast<std::int64_t>(groups[0].params().size());
  const std::string end = "/size";
  for (const auto& key : archive.keys()) {
    if (key.size() <= end.size() || key.compare(key.size() - end.size(), end.size(), end) != 0) {
      continue;
    }
    const auto name = key.substr(0, key.size() - end.size());
    bool is_known = false;
    for (const auto& list : known) is_known = is_known || name == list.name;
    TORCH_CHECK(is_known, "roga: the file has the entry '", name,
                "': it is of another kind of optimizer");
  }
  std::int64_t required = -1;
  for (const auto& list : known) {
    at::Tensor size;
    archive.read(list.name + end, size);
    const auto entries = size.item<std::int64_t>();
    // Lists end with the last parameter that had a gradient, except Adagrad's.
    const bool may_be_short = !is_a<torch::optim::Adagrad>(base);
    TORCH_CHECK(entries == count || (may_be_short && entries >= 0 && entries < count),
                "roga: the file has ", entries, " entries in '", list.name, "', the optimizer has ",
                count, " parameters");
    if (list.optional && entries == 0) continue;
    TORCH_CHECK(required < 0 || entries == required, "roga: the checkpoint is damaged: '",
                list.name, "' has ", entries, " entries, another list ", required);
    required = entries;
  }
}

/// Reads what a plain optimizer wrote, with the groups' options, which LibTorch 1.13 does not read.
/// @param load_base reads the base's part into `optimizer`
inline void read_plain(torch::serialize::InputArchive& archive, torch::optim::Optimizer& optimizer,
                       const std::function<void()>& load_base) {
  torch::serialize::InputArchive entry;
  TORCH_CHECK(!archive.try_read("roga", entry),
              "roga: load_plain() got the file of a roga optimizer; torch::load reads it, with the "
              "recipe's memory");
  auto& groups = optimizer.param_groups();
  auto options = copied_options(groups);
  c10::IValue version;
  if (!archive.try_read("pytorch_version", version)) {
    check_old_lists(archive, optimizer);
  } else if (archive.try_read("param_groups", entry)) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      torch::serialize::InputArchive group;
      torch::serialize::InputArchive saved;
      if (options[i] && entry.try_read("param_groups/" + std::to_string(i), group) &&
          group.try_read("options", saved)) {
        options[i]->serialize(saved);
      }
    }
  }
  replace_states(optimizer, std::move(options), load_base);
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
