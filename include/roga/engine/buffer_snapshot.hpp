// SPDX-License-Identifier: MIT
#pragma once

#include <c10/core/InferenceMode.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/protected_module.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Whether a tensor is a strided view of a storage.
inline bool is_strided(const at::Tensor& x) {
  return x.has_storage() && x.layout() == at::kStrided;
}
/// The entries without those that an expanded tensor repeats, which cannot be written.
inline at::Tensor written_once(const at::Tensor& x) {
  at::Tensor view = x;
  if (!is_strided(x)) return view;
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (x.stride(d) == 0 && x.size(d) > 1) view = view.narrow(d, 0, 1);
  }
  return view;
}
/// Whether there is memory for the entries: a storage can be freed while tensors refer to it.
inline bool has_memory(const at::Tensor& x) {
  if (x.layout() != at::kStrided || x.numel() == 0) return true;
  if (!x.has_storage()) return false;
  std::int64_t end = x.storage_offset() + 1;
  for (std::int64_t d = 0; d < x.dim(); ++d) end += (x.size(d) - 1) * x.stride(d);
  return x.storage().nbytes() >= static_cast<std::size_t>(end) * x.itemsize();
}
/// Whether two tensors are the same entries of the same storage.
inline bool same_entries(const at::Tensor& a, const at::Tensor& b) {
  if (a.key_set() != b.key_set() || a.scalar_type() != b.scalar_type()) return false;
  if (!is_strided(a) || !is_strided(b)) return a.has_storage() == b.has_storage();
  return a.is_alias_of(b) && a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() &&
         a.strides() == b.strides();
}
/// to <- from
inline void overwrite(const at::Tensor& to, const at::Tensor& from) {
  std::optional<c10::InferenceMode> mode;
  if (to.is_inference()) mode.emplace();  // only it may write to such a tensor
  written_once(to).copy_(from, /*non_blocking=*/true);
}

/// The buffers of a module at one moment: the tensors, where their entries were, and their values.
class BufferSnapshot {
 public:
  explicit BufferSnapshot(std::shared_ptr<ProtectedModule> module) : module_(std::move(module)) {
    std::vector<at::Tensor> entries;
    for (auto& [name, tensor] : module_->buffers()) {
      if (!tensor.defined() || !has_memory(tensor)) continue;
      slots_.push_back({std::move(name), tensor, tensor.tensor_data(), {}, tensor.requires_grad()});
      entries.push_back(written_once(slots_.back().place));
    }
    entries = copies(entries);
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].entries = std::move(entries[i]);
  }

  /// Puts the same tensors back to the same places with the same values, and under their names.
  /// Buffers that are new keep their value.
  void restore(AllOfThem& all) const {
    write_back(all);
    all.attempt([&] { register_again(all); });
  }

 private:
  struct Slot {
    std::string name;
    at::Tensor buffer;
    at::Tensor place;    ///< an alias of the buffer as it was
    at::Tensor entries;  ///< a copy of what was written there
    bool requires_grad;
  };

  /// Writes to all buffers that are still in place in one go, and to the others one by one.
  void write_back(AllOfThem& all) const {
    std::vector<at::Tensor> to;
    std::vector<at::Tensor> from;
    for (const Slot& slot : slots_) {
      const bool in_place = !slot.buffer.is_inference() && has_memory(slot.place) &&
                            same_entries(slot.buffer, slot.place);
      if (in_place) {
        to.push_back(written_once(slot.buffer));
        from.push_back(slot.entries);
      } else {
        all.attempt([&] { move_back(slot); });
      }
      if (slot.buffer.requires_grad() && !slot.requires_grad) {
        all.attempt([&] { leave_graph(slot.buffer); });
      }
    }
    AllOfThem together;
    if (together.attempt([&] { assign(to, from); })) return;
    for (std::size_t i = 0; i < to.size(); ++i) {
      all.attempt([&] { to[i].copy_(from[i], /*non_blocking=*/true); });
    }
  }
  static void move_back(const Slot& slot) {
    at::Tensor buffer = slot.buffer;
    if (has_memory(slot.place)) {
      overwrite(slot.place, slot.entries);
      if (same_entries(buffer, slot.place)) return;
      buffer.set_data(slot.place);
    } else {
      buffer.set_data(slot.entries.expand(slot.place.sizes()).clone());
    }
    // Graphs that have saved the buffer notice the change, as they do after copy_.
    if (!buffer.is_inference()) buffer.unsafeGetTensorImpl()->bump_version();
  }
  /// Detaches a buffer from the graph of a pass that wrote to it in grad mode.
  static void leave_graph(at::Tensor buffer) {
    if (!buffer.is_view()) buffer.detach_();
  }

  /// Registers the original again where another tensor has taken its name.
  void register_again(AllOfThem& all) const {
    const auto current = module_->buffers();
    NamedTensors originals;
    std::vector<std::pair<const Slot*, at::Tensor>> replaced;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const at::Tensor* now = find(current, slots_[i].name, i);
      if (now == nullptr || !now->defined() || now->is_same(slots_[i].buffer)) continue;
      originals.push_back({slots_[i].name, slots_[i].buffer});
      replaced.emplace_back(&slots_[i], *now);
    }
    if (originals.empty() || module_->rebind(originals)) return;
    for (auto& [slot, now] : replaced) {
      all.attempt([&, slot = slot, now = now]() mutable {
        const bool fits = is_strided(now) && now.sizes() == slot->place.sizes() &&
                          now.scalar_type() == slot->place.scalar_type() &&
                          now.device() == slot->place.device() &&
                          written_once(now).sizes() == slot->entries.sizes();
        if (fits) return overwrite(now, slot->entries);
        now.set_data(slot->buffer);
      });
    }
  }
  static const at::Tensor* find(const NamedTensors& list, const std::string& name,
                                std::size_t likely) {
    if (likely < list.size() && list[likely].name == name) return &list[likely].tensor;
    for (const auto& buffer : list) {
      if (buffer.name == name) return &buffer.tensor;
    }
    return nullptr;
  }

  std::shared_ptr<ProtectedModule> module_;
  std::vector<Slot> slots_;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
