// SPDX-License-Identifier: MIT
// Running statistics of averaged weights. Not part of <roga/roga.hpp>.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/generators.hpp>
#include <roga/engine/named_tensors.hpp>
#include <roga/tensor/torch.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Buffers of one normalisation layer, and the sums of what batches leave in them.
class RunningStatistics {
 public:
  /// @param tracked the number of batches; undefined where the layer does not count
  RunningStatistics(at::Tensor mean, at::Tensor variance, at::Tensor tracked)
      : buffers_{std::move(mean), std::move(variance)}, tracked_(std::move(tracked)) {
    for (const auto& buffer : buffers_) {
      own_.push_back(buffer.clone());
      sums_.push_back(at::zeros_like(buffer, at::kDouble));
    }
    if (tracked_.defined()) own_count_ = tracked_.clone();
  }
  at::Device device() const { return buffers_[0].device(); }

  /// Before a pass, so that only its batch's share is left.
  void clear() { fill(0); }
  void put_back() {
    for (std::size_t i = 0; i < 2; ++i) buffers_[i].copy_(own_[i]);
    if (tracked_.defined()) tracked_.copy_(own_count_);
  }

  /// After a pass over the first batch, and before a second one over it. The share that this one
  /// keeps of the values set here tells the momentum; they are large enough to outweigh the
  /// batch's.
  void probe() {
    double largest = 1;
    for (const auto& buffer : buffers_) {
      first_.push_back(buffer.clone());
      largest = std::max(largest, buffer.abs().max().item<double>());
    }
    weight_ = std::exp2(std::ceil(std::log2(16 * largest)));
    fill(weight_);
  }
  /// After that other pass.
  void learn_momentum() {
    double kept = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      kept += buffers_[i].sub(first_[i]).to(at::kDouble).mean().item<double>() / weight_ / 2;
      buffers_[i].copy_(first_[i]);
    }
    momentum_ = 1 - kept;
  }
  void add() {
    for (std::size_t i = 0; i < 2 && updates(); ++i) sums_[i].add_(buffers_[i], 1 / momentum_);
  }
  /// The means over the batches; a layer that does not update its statistics keeps its own.
  void finish(std::int64_t batches) {
    if (!updates()) return put_back();
    for (std::size_t i = 0; i < 2; ++i) {
      buffers_[i].copy_(sums_[i].div_(static_cast<double>(batches)));
    }
    if (tracked_.defined()) tracked_.fill_(batches);
  }

 private:
  void fill(double value) {
    for (auto& buffer : buffers_) buffer.fill_(value);
    if (tracked_.defined()) tracked_.zero_();  // with momentum None its count gives the share
  }
  bool updates() const { return momentum_ > 1e-6; }

  std::vector<at::Tensor> buffers_;  ///< mean and variance
  at::Tensor tracked_;
  std::vector<at::Tensor> own_;  ///< from before
  at::Tensor own_count_;
  std::vector<at::Tensor> first_;  ///< what the first batch leaves
  std::vector<at::Tensor> sums_;
  double weight_ = 0;
  double momentum_ = 0;  ///< share of a batch in what a pass leaves
};

/// The layers that have running_mean and running_var, whatever they are called.
inline std::vector<RunningStatistics> running_statistics(const NamedTensors& buffers) {
  auto find = [&](const std::string& name) {
    const auto found = std::find_if(buffers.begin(), buffers.end(),
                                    [&](const auto& buffer) { return buffer.name == name; });
    return found == buffers.end() ? at::Tensor() : found->tensor;
  };
  std::vector<RunningStatistics> layers;
  const std::string suffix = "running_mean";
  for (const auto& [name, tensor] : buffers) {
    if (!name.ends_with(suffix) || !tensor.defined()) continue;
    const std::string prefix = name.substr(0, name.size() - suffix.size());
    if (!prefix.empty() && prefix.back() != '.') continue;
    auto variance = find(prefix + "running_var");
    if (!variance.defined()) continue;
    layers.emplace_back(tensor, std::move(variance), find(prefix + "num_batches_tracked"));
  }
  return layers;
}

/// Puts a module and all below it into training mode, and each back into its own at the end.
class InTraining {
 public:
  template <class Module>
  explicit InTraining(Module& module) {
    note(module);
    module.train(true);
  }
  InTraining(const InTraining&) = delete;
  InTraining& operator=(const InTraining&) = delete;
  ~InTraining() {
    AllOfThem all;
    for (const auto& one : put_back_) all.attempt(one);  // parents first: they set those below, too
  }

 private:
  template <class Module>
  void note(Module& module) {
    if constexpr (requires { module._ivalue(); }) {
      for (auto part : module.modules()) {
        put_back_.emplace_back([part, mode = part.is_training()]() mutable { part.train(mode); });
      }
    } else {
      put_back_.emplace_back([&module, mode = module.is_training()] { module.train(mode); });
      for (const auto& child : module.children()) note(*child);
    }
  }
  std::vector<std::function<void()>> put_back_;
};

/// module(batch), of whichever kind the module is.
template <class Module, class Batch>
void run_forward(Module& module, const Batch& batch) {
  if constexpr (requires { module.forward(batch); }) {
    static_cast<void>(module.forward(batch));
  } else {
    static_assert(
        requires { module.forward({batch}); },
        "roga: recalibrate() does not know how to run this module: give it a function, as in "
        "recalibrate(model, batches, [&](const auto& batch) { model->forward(batch.data); })");
    static_cast<void>(module.forward({batch}));
  }
}

}  // namespace detail

/// Computes the running statistics of batch norm (and of whatever has buffers called running_mean
/// and running_var) for the weights as they are: the plain mean, over the batches, of each batch's
/// mean and unbiased variance. For averaged weights, whose statistics training has never seen
/// (Izmailov et al., UAI 2018, arXiv 1803.05407, section 3.2).
///
///     const auto in_use = average.use();
///     roga::recalibrate(model, batches);
///
/// A layer may have any momentum, and keeps it. Layers that do not update their statistics, as in a
/// network traced in eval mode, keep those they have. Afterwards modes (train, eval) are as before,
/// and dropout draws from LibTorch's default generators.
/// Cost: one forward pass over each batch, one more over the first.
/// @param model a torch::nn module, its holder or a pointer to it, or a torch::jit::Module
/// @param batches a range of batches, best of equal sizes; read once
/// @param forward called with each batch: runs the model on it
/// @throws c10::Error without a batch; whatever `forward` throws: the statistics are as before then
template <class Model, class Batches, class Forward>
void recalibrate(Model&& model, Batches&& batches, Forward&& forward) {
  using Plain = std::remove_cvref_t<Model>;
  if constexpr (detail::PointsToTensors<Plain>) {
    recalibrate(*model, batches, forward);
  } else {
    const detail::PlainArithmetic plain;
    auto layers = detail::running_statistics(detail::tensors_of(model)->buffers());
    std::vector<at::Device> devices{at::Device(at::kCPU)};
    for (const auto& layer : layers) {
      const bool known = std::count(devices.begin(), devices.end(), layer.device()) > 0;
      if (!known) devices.push_back(layer.device());
    }
    const detail::InTraining training(model);
    auto each = [&](auto work) { std::for_each(layers.begin(), layers.end(), work); };
    std::int64_t count = 0;
    try {
      for (auto&& batch : batches) {
        const auto states = detail::generator_states(devices);
        each([](auto& layer) { layer.clear(); });
        forward(batch);
        if (count++ == 0) {
          each([](auto& layer) { layer.probe(); });
          detail::AllOfThem all;
          detail::set_generators(devices, states, all);
          all.finish();
          forward(batch);
          each([](auto& layer) { layer.learn_momentum(); });
        }
        each([](auto& layer) { layer.add(); });
      }
      TORCH_CHECK(count > 0, "roga: recalibrate() got no batch; give it at least one");
      each([&](auto& layer) { layer.finish(count); });
    } catch (...) {
      each([](auto& layer) { layer.put_back(); });
      throw;
    }
  }
}
/// The same, where the model takes a batch as it is: model->forward(batch).
template <class Model, class Batches>
void recalibrate(Model&& model, Batches&& batches) {
  recalibrate(model, batches, [&](const auto& batch) {
    if constexpr (detail::PointsToTensors<std::remove_cvref_t<Model>>) {
      detail::run_forward(*model, batch);
    } else {
      detail::run_forward(model, batch);
    }
  });
}

}  // namespace v1
}  // namespace roga
