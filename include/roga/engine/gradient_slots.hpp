// SPDX-License-Identifier: MIT
// What is in .grad between and during passes: who owns it, and what the user's loop does with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <roga/tensor/gradient_list.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// Whether a tensor or its memory belongs to others too: a view of a flat bucket, a buffer that a
/// closure keeps, memory that LibTorch did not allocate.
inline bool has_other_owners(const at::Tensor& x) {
  if (x.use_count() > 1) return true;
  if (x.layout() != at::kStrided || !x.has_storage()) return false;
  return x.storage().use_count() > 1 || !x.storage().resizable();
}

/// A tensor and its version at one moment.
class GradientMark {
 public:
  GradientMark() = default;
  explicit GradientMark(const at::Tensor& tensor) {
    if (!tensor.defined()) return;
    tensor_ = Weak(tensor.getIntrusivePtr());
    version_ = version(tensor);
  }
  bool of_a_tensor() const { return version_ >= 0; }
  bool same_tensor(const at::Tensor& tensor) const {
    return tensor.defined() && tensor_._unsafe_get_target() == tensor.unsafeGetTensorImpl();
  }
  /// Whether it is that tensor, not written to since.
  bool is(const at::Tensor& tensor) const {
    return same_tensor(tensor) && version_ == version(tensor);
  }

 private:
  using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  static std::int64_t version(const at::Tensor& tensor) {
    return tensor.is_inference() ? 0 : static_cast<std::int64_t>(tensor._version());
  }
  Weak tensor_{c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>()};
  std::int64_t version_ = -1;  ///< of no tensor
};

/// .grad of one parameter.
class GradientSlot {
 public:
  explicit GradientSlot(at::Tensor parameter) : parameter_(std::move(parameter)) {}
  GradientSlot(const GradientSlot&) = delete;
  GradientSlot& operator=(const GradientSlot&) = delete;
  ~GradientSlot() {
    try {
      if (hook_) parameter_.remove_hook(*hook_);
    } catch (...) {  // NOLINT: the parameter has lost its hooks by itself
    }
  }

  const at::Tensor& parameter() const { return parameter_; }
  const at::Tensor& gradient() const { return parameter_.grad(); }
  /// @param arrive called before autograd adds a gradient, on its thread
  template <class Arrive>
  void watch(Arrive&& arrive) {
    if (hook_ || !parameter_.requires_grad()) return;
    hook_ = parameter_.register_hook(std::forward<Arrive>(arrive));
  }

  /// Before the first pass of a step.
  void begin() {
    if (std::exchange(taken_away_, false)) leave_zeros();
    first_pass_ = true;
    rests_ = true;
    had_gradient_ = gradient().defined();
    // In plain training zero_grad() resets what the last step left; what the user left counts as a
    // zero.
    stale_becomes_zero_ = had_gradient_ && (zero_grad_leaves_zeros || !left_.is(gradient()));
    arm();
  }
  /// Before each pass, and each piece of one.
  void arm() {
    found_ = GradientMark(gradient());
    was_stale_ = false;
    reached_ = false;
    fresh_ = false;
  }
  /// When a pass begins to write gradients: what has not changed since arm() is stale.
  void notice_stale() { was_stale_ = found_.is(gradient()); }
  void clear_stale() {
    if (!was_stale_) return;
    at::Tensor& place = parameter_.mutable_grad();
    if (has_other_owners(place)) {
      place.zero_();
    } else {
      place = at::Tensor();
    }
  }
  /// Before the first gradient of a pass is added.
  void reach() {
    if (std::exchange(reached_, true)) return;
    fresh_ = !gradient().defined();
    if (!first_pass_) return;
    if (was_stale_) {
      rests_ = !stale_becomes_zero_;
    } else if (fresh_) {
      rests_ = had_gradient_ || !zero_grad_leaves_zeros;
    } else {
      rests_ = false;
    }
  }

  /// Whether the pass found a gradient here, and whether it did something to it.
  bool found() const { return found_.of_a_tensor(); }
  bool touched() const { return found() && !found_.is(gradient()); }

  /// What the pass left, in memory of its own; undefined where it left nothing.
  at::Tensor take() {
    const bool first = std::exchange(first_pass_, false);
    const bool untouched = was_stale_ || found_.is(gradient());
    if (first && !reached_) {
      rests_ = untouched ? !stale_becomes_zero_ : !gradient().defined();
    }
    if (!gradient().defined()) return {};
    at::Tensor& place = parameter_.mutable_grad();
    const bool shared = has_other_owners(place);
    if (!reached_ && found_.same_tensor(place)) {
      const bool nothing = found_.is(place) || !place.ne(0).any().item<bool>();
      if (nothing && !shared) place = at::Tensor();
      if (nothing) return {};
    }
    // Rows are combined and measured as dense vectors of their own numbers.
    if (place.is_sparse()) return std::exchange(place, at::Tensor()).to_dense();
    if (place.is_conj()) return std::exchange(place, at::Tensor()).resolve_conj();
    if (!shared) return std::exchange(place, at::Tensor());
    auto row = place.detach().clone();
    if (fresh_) place = at::Tensor();  // autograd's own tensor, which parameters can share
    return row;
  }

  /// Hands a direction to the base optimizer.
  void set(at::Tensor direction) {
    if (gradient().defined() && has_other_owners(gradient())) {
      at::Tensor& place = parameter_.mutable_grad();
      if (direction.defined()) {
        place.copy_(direction);
      } else {
        place.zero_();
      }
      return;
    }
    if (!direction.defined() && !rests_) direction = zeros();
    if (direction.defined() || gradient().defined()) {
      parameter_.mutable_grad() = std::move(direction);
    }
  }
  /// After the base step: the next step can tell whether the user has touched .grad since.
  void leave() { left_ = GradientMark(gradient()); }
  /// Leaves a zero gradient, as zero_grad() of LibTorch 1.x does: for an optimizer that continues
  /// from a checkpoint, or after a step that failed.
  void leave_zeros() {
    if (!gradient().defined()) {
      parameter_.mutable_grad() = zeros();
      leave();
    }
  }

  bool was_taken_away() const { return taken_away_; }
  /// Removes the gradient of a step that failed. Tensors with other owners stay.
  void clear() {
    if (gradient().defined() && !has_other_owners(gradient())) {
      parameter_.mutable_grad() = at::Tensor();
    }
    taken_away_ = had_gradient_ && !gradient().defined();
  }

 private:
  at::Tensor zeros() const { return parameter_.new_zeros(parameter_.sizes()); }

  at::Tensor parameter_;
  std::optional<unsigned> hook_;
  GradientMark left_;                ///< .grad at the end of the last step
  GradientMark found_;               ///< .grad before this pass
  bool had_gradient_ = false;        ///< .grad was defined before the step
  bool stale_becomes_zero_ = false;  ///< what the plain optimizer would see of a stale gradient
  bool taken_away_ = false;          ///< by clear(), and not by the user
  bool rests_ = true;                ///< without a gradient, the base skips the parameter
  bool first_pass_ = false;
  bool was_stale_ = false;  ///< when the pass began to write gradients
  bool reached_ = false;    ///< autograd has reached the parameter in this pass
  bool fresh_ = false;      ///< what autograd found there was undefined
};

/// .grad of all parameters.
///
/// A pass finds in .grad what the last step or the user left there, and can treat it as with the
/// plain optimizer: zero it, remove it, or write into it. What is still untouched when autograd
/// brings the pass's first gradient is cleared first, by a hook on the parameters. That costs
/// nothing if the tensor has no other owners: autograd then puts its own tensor there instead of
/// adding to zeros.
class GradientSlots {
 public:
  /// Before the first pass of a step over these parameters.
  void begin(const std::vector<at::Tensor>& parameters) {
    follow(parameters);
    for (const auto& slot : board_->slots) {
      slot->watch(
          [slot = std::weak_ptr(slot), board = std::weak_ptr(board_)](const at::TensorBase&) {
            const auto own = slot.lock();
            const auto all = board.lock();
            if (own && all) all->arrive(*own);
          });
      slot->begin();
    }
    board_->written = false;
    board_->armed = true;
  }
  /// The gradients that a pass, or a piece of one, left.
  GradientList take() {
    GradientList row;
    row.reserve(board_->slots.size());
    auto found = [](const auto& slot) { return slot->found(); };
    auto touched = [](const auto& slot) { return slot->touched(); };
    const auto& slots = board_->slots;
    idle_ = !board_->written && std::any_of(slots.begin(), slots.end(), found) &&
            std::none_of(slots.begin(), slots.end(), touched);
    for (const auto& slot : board_->slots) row.push_back(slot->take());
    for (const auto& slot : board_->slots) slot->arm();
    board_->written = false;
    return row;
  }
  /// Whether that pass left everything as it found it.
  bool idle() const { return idle_; }
  void set(std::size_t i, at::Tensor direction) { board_->slots[i]->set(std::move(direction)); }
  GradientList directions() const {
    GradientList list;
    for (const auto& slot : board_->slots) list.push_back(slot->gradient());
    return list;
  }
  void disarm() { board_->armed = false; }
  void leave() {
    for (const auto& slot : board_->slots) slot->leave();
  }
  void clear() {
    disarm();
    for (const auto& slot : board_->slots) slot->clear();
  }

  /// For a checkpoint: which of these parameters have a gradient, or had one until a step failed.
  std::vector<bool> marks(const std::vector<at::Tensor>& parameters) const {
    std::vector<bool> marks;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto slot = slot_of(board_->slots, parameters[i], i);
      marks.push_back(parameters[i].grad().defined() || (slot && slot->was_taken_away()));
    }
    return marks;
  }
  /// From a checkpoint.
  void load(const std::vector<at::Tensor>& parameters, const std::vector<bool>& marks) {
    follow(parameters);
    for (std::size_t i = 0; i < parameters.size() && i < marks.size(); ++i) {
      if (marks[i]) board_->slots[i]->leave_zeros();
    }
  }

 private:
  using Slots = std::vector<std::shared_ptr<GradientSlot>>;

  struct Board {
    Slots slots;
    std::mutex mutex;      ///< autograd may come on several threads
    bool armed = false;    ///< a pass is going on
    bool written = false;  ///< it has reached a first parameter

    void arrive(GradientSlot& slot) {
      const std::lock_guard lock(mutex);
      if (!armed) return;
      if (!std::exchange(written, true)) {
        // All at once: writing into one view of a bucket changes the others' versions.
        const PlainArithmetic plain;
        for (const auto& each : slots) each->notice_stale();
        for (const auto& each : slots) each->clear_stale();
      }
      slot.reach();
    }
  };

  /// @param likely where the slot is if the order has not changed
  static std::shared_ptr<GradientSlot> slot_of(const Slots& slots, const at::Tensor& parameter,
                                               std::size_t likely) {
    auto is_it = [&](const auto& slot) { return slot->parameter().is_same(parameter); };
    if (likely < slots.size() && is_it(slots[likely])) return slots[likely];
    const auto found = std::find_if(slots.begin(), slots.end(), is_it);
    return found == slots.end() ? nullptr : *found;
  }
  void follow(const std::vector<at::Tensor>& parameters) {
    auto& slots = board_->slots;
    bool same = slots.size() == parameters.size();
    for (std::size_t i = 0; same && i < slots.size(); ++i) {
      same = slots[i]->parameter().is_same(parameters[i]);
    }
    if (same) return;
    const auto before = std::exchange(slots, {});
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      auto slot = slot_of(before, parameters[i], i);
      slots.push_back(slot ? slot : std::make_shared<GradientSlot>(parameters[i]));
    }
  }

  std::shared_ptr<Board> board_ = std::make_shared<Board>();
  bool idle_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace roga
