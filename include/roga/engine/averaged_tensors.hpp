// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <roga/engine/named_tensors.hpp>
#include <roga/tensor/foreach.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <utility>
#include <vector>

#if ROGA_DETAIL_FOREACH
#include <ATen/ops/_foreach_lerp.h>
#endif

namespace roga {
inline namespace v1 {
namespace detail {

/// a <- a + share (b - a) for each pair.
inline void blend(std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b, double share) {
#if ROGA_DETAIL_FOREACH
  const bool alike = foreach_serves(a) && foreach_serves(b) && a[0].device() == b[0].device() &&
                     a[0].scalar_type() == b[0].scalar_type();
  if (alike) {
    at::_foreach_lerp_(a, b, share);
    return;
  }
#endif
  for (std::size_t i = 0; i < a.size(); ++i) a[i].lerp_(b[i].to(a[i].scalar_type()), share);
}

/// A mean of what a model's tensors have been. Numbers of float16 and bfloat16 are averaged in
/// float32. Tensors that hold neither real nor complex numbers, such as counts, keep their last
/// value.
class AveragedTensors {
 public:
  bool empty() const { return tensors_.empty(); }
  const NamedTensors& tensors() const { return tensors_; }

  /// mean <- mean + share (tensors - mean). A new tensor begins with its value.
  /// @throws c10::Error if a tensor has another shape than before, unless `may_grow`: then it
  /// starts over
  void add(const NamedTensors& tensors, double share, bool may_grow) {
    std::vector<at::Tensor> means;
    std::vector<at::Tensor> values;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto& [name, value] = tensors[i];
      at::Tensor* mean = find(name, i);
      const bool fits = mean != nullptr && mean->sizes() == value.sizes();
      TORCH_CHECK(mean == nullptr || fits || may_grow, "roga: the average of ", name, " has shape ",
                  mean->sizes(), ", the model's ", value.sizes());
      if (!fits) {
        at::Tensor fresh = value.detach().to(type_of(value), /*non_blocking=*/false, /*copy=*/true);
        if (mean == nullptr) {
          tensors_.push_back({name, std::move(fresh)});
        } else {
          *mean = std::move(fresh);
        }
        continue;
      }
      if (mean->device() != value.device()) *mean = mean->to(value.device());
      if (is_averaged(value)) {
        means.push_back(*mean);
        values.push_back(value.detach());
      } else {
        mean->copy_(value);
      }
    }
    if (!means.empty()) blend(means, values, share);
  }
  /// The value under a name; null if there is none.
  /// @param guess its likely position
  at::Tensor* find(const std::string& name, std::size_t guess) {
    if (guess < tensors_.size() && tensors_[guess].name == name) return &tensors_[guess].tensor;
    for (auto& entry : tensors_) {
      if (entry.name == name) return &entry.tensor;
    }
    return nullptr;
  }

  bool has(const std::string& name) const {
    return std::any_of(tensors_.begin(), tensors_.end(),
                       [&](const auto& entry) { return entry.name == name; });
  }

  void save(torch::serialize::OutputArchive& archive) const {
    std::string names;  // in one string: a list is a template that every program would pay
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      names += tensors_[i].name + '\n';
      archive.write(std::to_string(i), tensors_[i].tensor, /*is_buffer=*/true);
    }
    archive.write("names", c10::IValue(names));
  }
  void load(torch::serialize::InputArchive& archive) {
    c10::IValue names;
    archive.read("names", names);
    const std::string all = names.toStringRef();
    for (std::size_t from = 0; from < all.size();) {
      const std::size_t to = all.find('\n', from);
      TORCH_CHECK(to != std::string::npos, "roga: the archive of a WeightAverage is damaged");
      at::Tensor tensor;
      archive.read(std::to_string(tensors_.size()), tensor, /*is_buffer=*/true);
      tensors_.push_back({all.substr(from, to - from), std::move(tensor)});
      from = to + 1;
    }
  }

 private:
  static bool is_averaged(const at::Tensor& x) { return x.is_floating_point() || x.is_complex(); }
  static at::ScalarType type_of(const at::Tensor& x) {
    const auto type = x.scalar_type();
    return type == at::kHalf || type == at::kBFloat16 ? at::kFloat : type;
  }
  NamedTensors tensors_;
};

/// The mean over a run of updates.
struct AveragedUpdates {
  AveragedTensors parameters = {};
  AveragedTensors buffers = {};
  std::int64_t first = 0;  ///< update, counted from 1
  std::int64_t last = 0;
  std::int64_t count = 0;

  void add(const NamedTensors& now_parameters, const NamedTensors& now_buffers, double share) {
    parameters.add(now_parameters, share, /*may_grow=*/false);
    buffers.add(now_buffers, share, /*may_grow=*/true);
  }
  /// Adds an update with the same weight as each before.
  void add_equally(const NamedTensors& now_parameters, const NamedTensors& now_buffers,
                   std::int64_t update) {
    if (count == 0) first = update;
    last = update;
    add(now_parameters, now_buffers, 1.0 / static_cast<double>(++count));
  }
  /// Appends the updates of a run that follows this one.
  void append(const AveragedUpdates& next) {
    if (next.count == 0) return;
    if (count == 0) first = next.first;
    last = next.last;
    count += next.count;
    add(next.parameters.tensors(), next.buffers.tensors(),
        static_cast<double>(next.count) / static_cast<double>(count));
  }

  void save(torch::serialize::OutputArchive& archive, const std::string& key) const {
    archive.write(key + "numbers", c10::IValue(at::IntArrayRef({first, last, count})));
    auto write = [&](const char* part, const AveragedTensors& tensors) {
      torch::serialize::OutputArchive own(archive.compilation_unit());
      tensors.save(own);
      archive.write(key + part, own);
    };
    write("parameters", parameters);
    write("buffers", buffers);
  }
  void load(torch::serialize::InputArchive& archive, const std::string& key) {
    c10::IValue numbers;
    archive.read(key + "numbers", numbers);
    const auto list = numbers.toIntVector();
    TORCH_CHECK(list.size() == 3 && list[2] >= 0,
                "roga: the archive of a WeightAverage is damaged");
    first = list[0];
    last = list[1];
    count = list[2];
    auto read = [&](const char* part, AveragedTensors& tensors) {
      torch::serialize::InputArchive own;
      archive.read(key + part, own);
      tensors.load(own);
    };
    read("parameters", parameters);
    read("buffers", buffers);
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
