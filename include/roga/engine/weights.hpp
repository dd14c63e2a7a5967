// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/settings.hpp>
#include <roga/engine/state.hpp>
#include <roga/policy/point.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/parameters.hpp>
#include <roga/tensor/ties.hpp>
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
  ~Frozen() {
    try {
      thaw();
    } catch (...) {  // NOLINT: a destructor cannot report it
    }
  }
  void thaw() {
    for (auto& parameter : std::exchange(parameters_, {})) parameter.set_requires_grad(true);
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
/// into the same storage (subtracting the perturbation would drift). A parameter that never moves
/// is neither copied nor written. The owner of this object calls restore().
class Weights {
 public:
  /// @param groups the optimizer's parameter groups
  /// @param state follows them
  template <class Groups>
  Weights(const Groups& groups, State& state) {
    for (auto& [parameter, group] : members(groups)) {
      parameters_.push_back(std::move(parameter));
      group_of_.push_back(group);
    }
    backup_.resize(parameters_.size());
    ties_ = Ties(parameters_);
    state.follow(parameters_);
  }
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  std::size_t size() const { return parameters_.size(); }
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  const Ties& ties() const { return ties_; }

  std::size_t group_of(std::size_t i) const { return group_of_[i]; }

  /// theta of parameter i, wherever the parameter is now, on its device.
  at::Tensor theta(std::size_t i) const {
    if (!backup_[i].defined()) return parameters_[i];
    const bool there = backup_[i].device() == parameters_[i].device();
    return there ? backup_[i] : backup_[i].to(parameters_[i].device(), /*non_blocking=*/true);
  }

  /// Before the moves to a point.
  /// @param origin what they are measured from
  /// @param where to keep the copy of theta that is made before a parameter first moves
  void depart(Point::From origin, Backup where) {
    from_previous_ = origin == Point::From::previous;
    where_ = where;
    moved_ = true;
    forget_casts();
  }
  /// Moves those of the parameters `which` that have an offset or are not at theta.
  void move(std::span<const std::size_t> which, const ScaledRows& offset) {
    std::vector<std::size_t> at_theta;
    std::vector<std::size_t> away;
    for (const std::size_t i : which) {
      if (backup_[i].defined()) {
        away.push_back(i);
      } else if (moves(offset, i)) {
        at_theta.push_back(i);
      }
    }
    keep_theta(at_theta);
    place(parameters_, parameters_, offset, at_theta);
    place(parameters_, from_previous_ ? parameters_ : backup_, offset, away);
  }
  void restore() {
    if (!std::exchange(moved_, false)) return;
    const c10::NoGradGuard no_grad;
    std::vector<at::Tensor> moved;
    std::vector<at::Tensor> theta;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!backup_[i].defined()) continue;
      moved.push_back(parameters_[i]);
      theta.push_back(std::exchange(backup_[i], at::Tensor()));
    }
    forget_casts();
    AllOfThem all;
    if (!all.attempt([&] { assign(moved, theta); })) {  // whatever can be put back is
      for (std::size_t i = 0; i < moved.size(); ++i) {
        all.attempt([&] { moved[i].copy_(theta[i]); });
      }
    }
    all.finish();
  }

 private:
  static bool moves(const ScaledRows& offset, std::size_t i) {
    for (const auto& term : offset) {
      if (term.at(i) != nullptr) return true;
    }
    return false;
  }
  /// Copies to the host are ordered by the accelerator's stream: the host need not wait for them.
  void keep_theta(const std::vector<std::size_t>& which) {
    if (where_ == Backup::on_host) {
      for (const std::size_t i : which) {
        const auto& x = parameters_[i];
        auto copy = at::empty_like(x, x.options().device(at::kCPU).pinned_memory(!x.is_cpu()));
        backup_[i] = copy.copy_(x, /*non_blocking=*/true);
      }
      return;
    }
    std::vector<at::Tensor> theta;
    theta.reserve(which.size());
    for (const std::size_t i : which) theta.push_back(parameters_[i]);
    theta = copies(theta);
    for (std::size_t k = 0; k < which.size(); ++k) backup_[which[k]] = std::move(theta[k]);
  }

  std::vector<at::Tensor> parameters_;
  std::vector<std::size_t> group_of_;
  Ties ties_;
  std::vector<at::Tensor> backup_;  ///< theta of those that have moved
  Backup where_ = Backup::beside_the_weights;
  bool moved_ = false;
  bool from_previous_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
