// SPDX-License-Identifier: MIT
// The tensors of a model by name. Templates on the model's type: torch/nn and torch/script are
// costly to include, and a program may need neither.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <roga/tensor/torch.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

/// The tensors that a model has now: looked up each time, since loading can replace them.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual NamedTensors parameters() const = 0;
  virtual NamedTensors buffers() const = 0;
};

/// Named by their position.
inline NamedTensors numbered(const std::vector<at::Tensor>& tensors) {
  NamedTensors list;
  for (const auto& tensor : tensors) list.push_back({std::to_string(list.size()), tensor});
  return list;
}

/// A plain list.
class ListedTensors final : public TensorSource {
 public:
  explicit ListedTensors(std::vector<at::Tensor> tensors) : tensors_(std::move(tensors)) {}
  NamedTensors parameters() const override { return numbered(tensors_); }
  NamedTensors buffers() const override { return {}; }

 private:
  std::vector<at::Tensor> tensors_;
};

inline std::unique_ptr<TensorSource> tensors_of(std::vector<at::Tensor> tensors) {
  return std::make_unique<ListedTensors>(std::move(tensors));
}

template <class Model>
concept HasTensors = requires(const Model& model) {
  model.parameters();
  model.buffers();
};
template <class Pointer>
concept PointsToTensors =
    !HasTensors<Pointer> && std::copyable<Pointer> && requires(const Pointer& pointer) {
  static_cast<bool>(pointer);
  requires HasTensors<std::remove_cvref_t<decltype(*pointer)>>;
};

/// @param access returns the model, or null
template <class Access>
class ModelTensors final : public TensorSource {
 public:
  explicit ModelTensors(Access access) : access_(std::move(access)) {}
  NamedTensors parameters() const override {
    const auto& model = get();
    if constexpr (requires { model.named_parameters(); }) {
      return named(model.named_parameters());
    } else {
      return numbered(model.parameters());
    }
  }
  NamedTensors buffers() const override {
    const auto& model = get();
    if constexpr (requires { model.named_buffers(); }) {
      return named(model.named_buffers());
    } else {
      return numbered(model.buffers());
    }
  }

 private:
  const auto& get() const {
    const auto model = access_();
    TORCH_CHECK(model != nullptr,
                "roga: the model of a WeightAverage no longer exists; keep it for as long as the "
                "average, or give the average its holder or shared_ptr");
    return *model;
  }
  template <class Entries>
  static NamedTensors named(const Entries& entries) {
    NamedTensors list;
    for (const auto& entry : entries) {
      if constexpr (requires { entry.key(); }) {  // of torch::nn
        list.push_back({entry.key(), entry.value()});
      } else {
        list.push_back({entry.name, entry.value});
      }
    }
    return list;
  }
  Access access_;
};

/// @param model a torch::nn::Module, a torch::jit::Module, anything with parameters() and
/// buffers(), or a pointer to one, which is kept. A module that a shared_ptr owns is held weakly,
/// and any other by reference. A torch::jit::Module is a handle, and is copied.
template <class Model>
requires HasTensors<Model> || PointsToTensors<Model> std::unique_ptr<TensorSource> tensors_of(
    const Model& model) {
  auto source = [](auto access) -> std::unique_ptr<TensorSource> {
    return std::make_unique<ModelTensors<decltype(access)>>(std::move(access));
  };
  if constexpr (PointsToTensors<Model>) {
    TORCH_CHECK(static_cast<bool>(model),
                "roga: WeightAverage got an empty model; create or load it first");
    return source([model] { return &*model; });
  } else if constexpr (requires { model._ivalue(); }) {
    return source([model] { return &model; });
  } else if constexpr (requires { model.weak_from_this(); }) {
    auto owner = model.weak_from_this();
    if (!owner.expired()) return source([owner] { return owner.lock(); });
    return source([&model] { return &model; });
  } else {
    return source([&model] { return &model; });
  }
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
