// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <roga/engine/settings.hpp>
#include <roga/engine/state.hpp>
#include <roga/policy/point.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/torch.hpp>
#include <span>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Keeps parameters out of the graph.
class Frozen {
 public:
  Frozen() = default;
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() { thaw(); }
  void thaw() {
    for (auto& parameter : parameters_) parameter.set_requires_grad(true);
    parameters_.clear();
  }
  void add(at::Tensor parameter) {
    if (!parameter.requires_grad()) return;
    parameter.set_requires_grad(false);
    parameters_.push_back(std::move(parameter));
  }

 private:
  std::vector<at::Tensor> parameters_;
};

/// The parameters of one step: moves them away from theta, and back bit for bit by copying a backup
/// into the same storage (subtracting the perturbation would drift). Its owner restores them.
class Weights {
 public:
  /// @param groups the optimizer's parameter groups
  /// @param state follows them, and tells which parameters have had a gradient
  template <class Groups>
  Weights(const Groups& groups, State& state) {
    for (auto& [parameter, group] : members(groups)) {
      parameters_.push_back(std::move(parameter));
      group_of_.push_back(group);
    }
    state.follow(parameters_);
    if (zero_grad_leaves_zeros) {
      had_gradient_ = state.had_gradient;
      had_gradient_.resize(parameters_.size(), false);
    }
    clear_gradients();
  }
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  std::size_t size() const { return parameters_.size(); }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }

  std::size_t group_of(std::size_t i) const { return group_of_[i]; }

  /// theta of parameter i, wherever the parameter is now, on its device.
  at::Tensor theta(std::size_t i) const {
    if (!moved_) return parameters_[i];
    const bool there = backup_[i].device() == parameters_[i].device();
    return there ? backup_[i] : backup_[i].to(parameters_[i].device(), /*non_blocking=*/true);
  }

  /// Copies theta before the first move of a step.
  /// Copies to the host are ordered by the accelerator's stream: the host need not wait for them.
  void keep_theta(Backup where) {
    if (!backup_.empty()) return;
    if (where == Backup::beside_the_weights) {
      backup_ = copies(parameters_);
      return;
    }
    for (const auto& parameter : parameters_) {
      auto& copy = backup_.emplace_back(at::empty_like(
          parameter, parameter.options().device(at::kCPU).pinned_memory(!parameter.is_cpu())));
      copy.copy_(parameter, /*non_blocking=*/true);
    }
  }
  /// Before the moves to a point.
  /// @param origin what they are measured from
  void depart(Point::From origin) {
    in_place_ = origin == Point::From::previous || !moved_;
    moved_ = true;
  }
  /// Moves the parameters `which`.
  void move(std::span<const std::size_t> which, const ScaledRows& offset) {
    place(parameters_, in_place_ ? parameters_ : backup_, offset, which);
  }
  void restore() {
    if (!moved_) return;
    c10::NoGradGuard no_grad;
    assign(parameters_, backup_);
    backup_.clear();
    moved_ = false;
  }

  /// Takes the gradients away, so that the next backward pass writes fresh ones without a zero
  /// fill.
  GradientList take_gradients() {
    GradientList gradients(parameters_.size());
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      auto& gradient = parameters_[i].mutable_grad();
      // Rows are combined and measured as dense vectors of their own numbers.
      if (gradient.defined() && gradient.is_sparse()) gradient = gradient.to_dense();
      if (gradient.defined() && gradient.is_conj()) gradient = gradient.resolve_conj();
      gradients[i] = std::move(gradient);
      gradient = at::Tensor();
    }
    return gradients;
  }
  GradientList gradients() const {
    GradientList gradients;
    for (const auto& parameter : parameters_) gradients.push_back(parameter.grad());
    return gradients;
  }
  void clear_gradients() {
    for (auto& parameter : parameters_) parameter.mutable_grad() = at::Tensor();
  }
  void set_gradient(std::size_t i, at::Tensor gradient) {
    if (zero_grad_leaves_zeros) {
      if (!gradient.defined() && had_gradient_[i]) {
        gradient = parameters_[i].new_zeros(parameters_[i].sizes());
      }
      if (gradient.defined()) had_gradient_[i] = true;
    }
    parameters_[i].mutable_grad() = std::move(gradient);
  }
  /// For the end of a step that succeeded.
  void remember_gradients(State& state) const {
    if (zero_grad_leaves_zeros) state.had_gradient = had_gradient_;
  }

 private:
  std::vector<at::Tensor> parameters_;
  std::vector<std::size_t> group_of_;
  std::vector<at::Tensor> backup_;
  std::vector<bool> had_gradient_;
  bool moved_ = false;
  bool in_place_ = false;  ///< the point is measured from where the weights are
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
