// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <roga/engine/engine.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// One step of a training loop that cannot be a closure: the loop makes the passes itself, and this
/// object moves the weights in between. Made by RoGAOptimizer::phases(); for one domain.
///
///     auto step = optimizer.phases();
///     auto loss = criterion(model->forward(x), y);
///     loss.backward();
///     while (step.ascend(loss)) {                 // the weights are at an ascent point now
///       criterion(model->forward(x), y).backward();
///     }
///     step.descend();                             // back at theta, and one step of the base
///
/// The same results, bit for bit, as step(closure). For recipes without a pass at theta, as msam,
/// the weights are at their first point from the start. If the object dies before `descend`, as by
/// an exception, the weights are back at theta and nothing has happened.
template <class P, class C, class A>
class PhasedStep {
 public:
  /// The optimizer's parameter groups.
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;

  /// @param base_step one step of the base optimizer along .grad
  PhasedStep(Engine<P, C, A>& engine, const Groups& groups,
             std::function<void(const at::Tensor& loss)> base_step)
      : engine_(engine),
        base_step_(std::move(base_step)),
        weights_(claim(engine, groups), engine.memory),
        step_(engine.begin(weights_)),
        before_(engine.protection.now()) {
    try {
      if constexpr (!P::at_theta) {
        if (!engine_.warming_up()) {
          step_.domains_ = {0};
          step_.losses_.resize(1);
          start_points();
        }
      }
      enter_pass();
    } catch (...) {
      abandon();
      throw;
    }
  }
  PhasedStep(const PhasedStep&) = delete;
  PhasedStep& operator=(const PhasedStep&) = delete;
  ~PhasedStep() { abandon(); }

  /// Takes the gradients that the last backward pass left and moves on.
  /// @param loss of that pass
  /// @return whether the recipe wants another pass, at the point where the weights are now
  /// @throws c10::Error after the last pass, or after `descend`
  bool ascend(const at::Tensor& loss) {
    TORCH_CHECK(stage_ == Stage::pass, "roga: ascend() after ",
                stage_ == Stage::ready ? "the last pass; call descend()" : "the end of the step");
    TORCH_CHECK(loss.defined() && loss.numel() == 1,
                "roga: ascend() needs the loss of the last pass, one number");
    const c10::NoGradGuard no_grad;
    engine_.protection.leave(moment_);
    moment_.reset();
    ++evaluations_;
    OnePass pass{loss.detach().reshape({})};
    if (at_theta_) {
      engine_.evaluate_at_theta(step_, weights_, pass);
      start_points();
    } else {
      engine_.capture_gradient(step_, weights_, pass, next_point_ - 1, points_);
      move_on();
    }
    if (stage_ == Stage::pass) enter_pass();
    return stage_ == Stage::pass;
  }

  /// Puts the weights back, makes the direction, and steps the base optimizer along it.
  /// @param loss of a backward pass whose gradients `ascend` has not taken yet
  /// @return the loss at the unperturbed weights, detached
  /// @throws c10::Error if the recipe wants more passes
  at::Tensor descend(const at::Tensor& loss = {}) {
    if (stage_ == Stage::pass) {
      TORCH_CHECK(loss.defined(),
                  "roga: descend() before the last pass was taken: call ascend(loss) after each "
                  "backward pass until it returns false, or give descend() the last loss");
      TORCH_CHECK(!ascend(loss), "roga: descend() with ", points_ + 1 - next_point_,
                  " points of the recipe left: call ascend(loss) until it returns false");
    }
    TORCH_CHECK(stage_ == Stage::ready, "roga: descend() twice in one step");
    const c10::NoGradGuard no_grad;
    at::Tensor result;
    try {
      engine_.conclude(step_, weights_, evaluations_);
      result = engine_.end(step_, weights_, before_);
    } catch (...) {
      abandon();
      throw;
    }
    stage_ = Stage::over;
    engine_.in_phases = false;
    base_step_(result);
    return result;
  }

 private:
  enum class Stage : unsigned char { pass, ready, over };

  /// What the engine sees of a pass that the user has made.
  struct OnePass {
    at::Tensor loss;
    std::vector<std::size_t> only_domain{0};
    const std::vector<std::size_t>& present() const { return only_domain; }
    template <class Sink>
    void each(Sink&& sink) const {
      sink(0, loss);
    }
    template <class Sink>
    void pooled(Sink&& sink) const {
      sink(0, loss);
    }
    template <class Sink>
    void one(std::size_t, Sink&& sink) const {
      sink(0, loss);
    }
  };

  /// Weights clear the gradients, so the check comes before they are made.
  static const Groups& claim(Engine<P, C, A>& engine, const Groups& groups) {
    TORCH_CHECK(!engine.in_phases,
                "roga: phases() while another phased step is open: call its descend() first, or "
                "let it go out of scope");
    engine.in_phases = true;
    engine.protection.begin(groups);
    return groups;
  }
  void start_points() {
    const c10::NoGradGuard no_grad;
    at_theta_ = false;
    points_ = engine_.points_of(step_, weights_);
    move_on();
  }
  void move_on() {
    if (next_point_ < points_ && engine_.finite_) {
      engine_.move_to_point(step_, weights_, next_point_++, points_);
      if (engine_.finite_) return;
    }
    weights_.restore();
    stage_ = Stage::ready;
  }
  void enter_pass() {
    if (stage_ == Stage::pass) moment_ = engine_.protection.enter(0);
  }
  void abandon() {
    if (stage_ == Stage::over) return;
    stage_ = Stage::over;
    engine_.in_phases = false;
    engine_.undo(weights_, before_);
  }

  Engine<P, C, A>& engine_;
  std::function<void(const at::Tensor&)> base_step_;
  detail::Weights weights_;
  Step step_;
  detail::Protection::Moment before_;
  std::optional<detail::Protection::Moment> moment_;
  Stage stage_ = Stage::pass;
  bool at_theta_ = true;
  std::size_t points_ = 0;
  std::size_t next_point_ = 0;
  std::size_t evaluations_ = 0;
};

}  // namespace v1
}  // namespace roga
