// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// An optimizer chosen at run time, as a base class. Parameter groups, states and options are the
/// inner optimizer's.
class AnyOptimizer : public torch::optim::Optimizer {
 public:
  /// @throws c10::Error if `inner` is null
  explicit AnyOptimizer(std::unique_ptr<torch::optim::Optimizer> inner)
      : Optimizer(std::vector<torch::optim::OptimizerParamGroup>{}, nullptr),
        inner_(std::move(inner)) {
    TORCH_CHECK(inner_ != nullptr, "roga: wrap() got a null optimizer");
  }

  /// The wrapped optimizer: for schedulers and other functions that take one.
  torch::optim::Optimizer& inner() { return *inner_; }
  /// The wrapped optimizer.
  const torch::optim::Optimizer& inner() const { return *inner_; }

  /// The wrapped optimizer's.
  std::vector<torch::optim::OptimizerParamGroup>& param_groups() { return inner_->param_groups(); }
  /// The wrapped optimizer's.
  const std::vector<torch::optim::OptimizerParamGroup>& param_groups() const {
    return std::as_const(*inner_).param_groups();
  }
  /// To the wrapped optimizer.
  void add_param_group(const torch::optim::OptimizerParamGroup& group) {
    inner_->add_param_group(group);
  }
  /// Of the wrapped optimizer's parameters; LibTorch 2 takes `set_to_none`.
  template <class... Arguments>
  void zero_grad(Arguments... arguments) {
    inner_->zero_grad(arguments...);
  }
  /// The wrapped optimizer's.
  at::Tensor step(LossClosure closure) override { return inner_->step(std::move(closure)); }
  /// The wrapped optimizer's.
  void save(torch::serialize::OutputArchive& archive) const override { inner_->save(archive); }
  /// The wrapped optimizer's.
  void load(torch::serialize::InputArchive& archive) override { inner_->load(archive); }

 private:
  std::unique_ptr<torch::optim::Optimizer> inner_;
};

namespace detail {

/// The optimizer that holds the parameter groups and states.
inline torch::optim::Optimizer& optimizer_of(torch::optim::Optimizer& base) { return base; }
inline torch::optim::Optimizer& optimizer_of(AnyOptimizer& base) { return base.inner(); }
inline auto& groups_of(const torch::optim::Optimizer& base) { return base.param_groups(); }
inline auto& groups_of(const AnyOptimizer& base) { return base.inner().param_groups(); }

}  // namespace detail
}  // namespace v1
}  // namespace roga
