// SPDX-License-Identifier: MIT
// What protect() keeps of a module. Templates on the module's type: torch/nn and torch/script are
// costly to include, and a program may need neither.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <roga/engine/named_tensors.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

class ProtectedModule {
 public:
  virtual ~ProtectedModule() = default;
  /// What it is called in an error.
  virtual std::string name() const { return "of a type of your own"; }
  /// Whether the module still exists. If so, notes its parts, by which its end is recognised.
  virtual bool is_there() { return true; }
  /// The buffers that are registered now, by their qualified names, as `norm.running_mean`; none of
  /// a module that is gone.
  virtual NamedTensors buffers() const = 0;
  /// Registers these tensors under their names.
  /// @return whether the module lets them be registered from outside
  virtual bool rebind(const NamedTensors&) { return false; }
};

/// A torch::jit::Module, which is a handle: the copy keeps what it refers to.
template <class Module>
class ScriptModule final : public ProtectedModule {
 public:
  explicit ScriptModule(const Module& module) : module_(module) {}

  NamedTensors buffers() const override {
    NamedTensors list;
    each([&](const std::string& prefix, const auto&, const auto& buffer) {
      list.push_back({prefix + buffer.name, buffer.value});
    });
    return list;
  }
  bool rebind(const NamedTensors& wanted) override {
    auto next = wanted.begin();  // in the order of the walk, but for changes of the module
    each([&](const std::string& prefix, auto owner, const auto& buffer) {
      auto is_it = [name = prefix + buffer.name](const NamedTensor& one) {
        return one.name == name;
      };
      if (next == wanted.end() || !is_it(*next)) {
        next = std::find_if(wanted.begin(), wanted.end(), is_it);
      }
      if (next != wanted.end()) owner.setattr(buffer.name, (next++)->tensor);
    });
    return true;
  }

 private:
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& owner : module_.named_modules()) {
      const auto prefix = owner.name.empty() ? std::string() : owner.name + ".";
      for (const auto& buffer : owner.value.named_buffers(/*recurse=*/false)) {
        visit(prefix, owner.value, buffer);
      }
    }
  }

  Module module_;
};

/// Tells when an object ends that derives from std::enable_shared_from_this and that no shared_ptr
/// owns. The object's own weak pointer keeps the control block of a shared_ptr that was made for
/// it; this allocator frees that block.
template <class T>
struct LastWord {
  using value_type = T;
  std::shared_ptr<std::atomic<bool>> said;

  explicit LastWord(std::shared_ptr<std::atomic<bool>> flag) : said(std::move(flag)) {}
  template <class U>
  LastWord(const LastWord<U>& other) : said(other.said) {}  // NOLINT: allocators convert
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    std::allocator<T>().deallocate(memory, count);
    *said = true;
  }
  template <class U>
  bool operator==(const LastWord<U>& other) const {
    return said == other.said;
  }
};

/// A torch::nn::Module. One that a shared_ptr owns is held weakly; any other, such as one on the
/// stack or inside another object, by reference.
template <class Module>
class NativeModule final : public ProtectedModule {
 public:
  explicit NativeModule(const Module& module)
      : name_(module.name()), owner_(module.weak_from_this()), owned_(!owner_.expired()) {
    if (owned_) return;
    module_ = &module;
    // Ends at once. Its control block stays, held by the module's weak pointer to itself.
    std::shared_ptr<const Module>(
        module_, [](const Module*) {}, LastWord<char>(ended_));
    note_parts();
  }

  std::string name() const override { return name_; }
  bool is_there() override {
    if (owned_) return !owner_.expired();
    if (!*ended_) note_parts();
    return !*ended_ || has_parts();
  }
  NamedTensors buffers() const override {
    NamedTensors list;
    if (owned_) {
      if (const auto module = owner_.lock()) append(list, "", *module);
    } else if (!*ended_) {
      append(list, "", *module_);
    } else {
      for (const auto& [name, buffer] : own_buffers_) {
        if (auto impl = buffer.lock()) list.push_back({name, at::Tensor(std::move(impl))});
      }
      for (const auto& [name, child] : children_) {
        if (const auto module = child.lock()) append(list, name + ".", *module);
      }
    }
    return list;
  }

 private:
  static void append(NamedTensors& list, const std::string& prefix, const Module& module) {
    for (const auto& buffer : module.named_buffers()) {
      list.push_back({prefix + buffer.key(), buffer.value()});
    }
  }
  /// The control block is freed when the module ends, and also when a shared_ptr takes it over.
  /// After its end some of its parts are gone, unless all of them have other owners.
  bool has_parts() const {
    bool all = true;
    for (const auto& [name, buffer] : own_buffers_) all = all && !buffer.expired();
    for (const auto& [name, child] : children_) all = all && !child.expired();
    return all;
  }
  void note_parts() {
    own_buffers_.clear();
    children_.clear();
    for (const auto& buffer : module_->named_buffers(/*recurse=*/false)) {
      if (buffer.value().defined()) {
        own_buffers_.emplace_back(buffer.key(), buffer.value().getIntrusivePtr());
      }
    }
    for (const auto& child : module_->named_children()) {
      children_.emplace_back(child.key(), child.value());
    }
  }

  std::string name_;
  std::weak_ptr<const Module> owner_;
  bool owned_;
  const Module* module_ = nullptr;
  std::shared_ptr<std::atomic<bool>> ended_ = std::make_shared<std::atomic<bool>>(false);
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  std::vector<std::pair<std::string, WeakTensor>> own_buffers_;
  std::vector<std::pair<std::string, std::weak_ptr<const Module>>> children_;
};

/// Anything else that has buffers, by reference; their position is their name.
template <class Module>
class ModuleLike final : public ProtectedModule {
 public:
  explicit ModuleLike(const Module& module) : module_(module) {}
  NamedTensors buffers() const override {
    NamedTensors list;
    for (const at::Tensor& buffer : module_.buffers()) {
      list.push_back({std::to_string(list.size()), buffer});
    }
    return list;
  }

 private:
  const Module& module_;
};

template <class Module>
concept HasBuffers = requires(const Module& module) {
  module.buffers();
};
template <class Pointer>
concept PointsToBuffers = !HasBuffers<Pointer> && requires(const Pointer& pointer) {
  static_cast<bool>(pointer);
  requires HasBuffers<std::remove_cvref_t<decltype(*pointer)>>;
};
/// torch::nn::Module, torch::jit::Module, or a pointer to one, such as a torch::nn::ModuleHolder.
template <class Module>
concept HasModule = HasBuffers<Module> || PointsToBuffers<Module>;

/// @throws c10::Error for an empty pointer or handle
template <HasModule Module>
std::unique_ptr<ProtectedModule> protected_module(const Module& module) {
  constexpr const char* empty =
      "roga: protect() got an empty module; create or load the model first";
  if constexpr (PointsToBuffers<Module>) {
    TORCH_CHECK(static_cast<bool>(module), empty);
    return protected_module(*module);
  } else if constexpr (requires {
                         module._ivalue();
                         module.named_modules();
                       }) {
    bool refers = true;
    try {
      refers = module._ivalue() != nullptr;
    } catch (const c10::Error&) {
      refers = false;
    }
    TORCH_CHECK(refers, empty);
    return std::make_unique<ScriptModule<Module>>(module);
  } else if constexpr (requires {
                         module.weak_from_this();
                         module.named_children();
                       }) {
    using Base = std::remove_const_t<typename decltype(module.weak_from_this())::element_type>;
    return std::make_unique<NativeModule<Base>>(module);
  } else {
    return std::make_unique<ModuleLike<Module>>(module);
  }
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
