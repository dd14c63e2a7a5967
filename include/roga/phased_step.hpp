// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <roga/engine/loss_check.hpp>
#include <roga/engine/step_run.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

/// One step of a training loop that cannot be a closure: the loop makes the passes itself, and this
/// object moves the weights in between. Made by RoGAOptimizer::phases().
///
///     auto step = optimizer.phases();
///     auto loss = criterion(model->forward(x), y);
///     loss.backward();
///     while (step.ascend(loss)) {                 // the weights are at an ascent point now
///       criterion(model->forward(x), y).backward();
///     }
///     step.descend();                             // back at theta, and one step of the base
///
/// With several domains, `phases({0, 1, 2})`, each backward pass is over the data of one domain:
///
///     do {
///       auto& batch = minibatch[step.domain()];
///       loss = criterion(model->forward(batch.x), batch.y);
///       loss.backward();
///     } while (step.ascend(loss));
///     step.descend();
///
/// The same results, bit for bit, as step(closures). For recipes without a pass at theta, as msam,
/// the weights are at their first point from the start. If the object dies before `descend`, as by
/// an exception, the weights are back at theta and nothing has happened.
template <class P, class C, class A>
class PhasedStep {
 public:
  /// The optimizer's parameter groups.
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;

  /// @param domains the present ones, by their positions
  /// @param base_step one step of the base optimizer along .grad
  PhasedStep(detail::Engine<P, C, A>& engine, const Groups& groups,
             const std::vector<std::size_t>& domains, std::optional<double> loss_scale,
             std::function<void(detail::StepResult)> base_step)
      : engine_(engine),
        base_step_(std::move(base_step)),
        domains_(domains),
        busy_(std::in_place, engine.busy,
              "a phased step is open: call its descend() first, or let it go out of scope"),
        run_(begin(engine, groups), groups, loss_scale) {
    run_.present(domains);
    advance();
  }
  PhasedStep(const PhasedStep&) = delete;
  PhasedStep& operator=(const PhasedStep&) = delete;
  ~PhasedStep() = default;

  /// Takes the gradients that the last backward pass left and moves on.
  /// @param loss of that pass
  /// @return whether the recipe wants another pass, at the point where the weights are now
  /// @throws c10::Error after the last pass, or after `descend`
  bool ascend(const at::Tensor& loss) {
    TORCH_CHECK(pass_ && !over_, "roga: ascend() after ",
                over_ ? "the end of the step" : "the last pass; call descend()");
    detail::check_loss(loss, "ascend() after the pass over domain", domains_[domain_], "got");
    engine_.protection.leave(moment_);
    moment_.reset();
    ++evaluations_;
    run_.take(domain_, loss.detach().reshape({}));
    const bool over_all = pass_->data != detail::Pass::Data::one_domain;
    if (over_all && domain_ + 1 < domains_.size()) {
      enter(domain_ + 1);
    } else {
      advance();
    }
    return pass_.has_value();
  }

  /// The domain whose data the next backward pass is over: its position, as given to phases().
  /// @throws c10::Error after the last pass
  std::size_t domain() const {
    TORCH_CHECK(pass_ && !over_, "roga: domain() after the last pass: call descend()");
    return domains_[domain_];
  }

  /// Puts the weights back, makes the direction, and steps the base optimizer along it.
  /// @param loss of a backward pass whose gradients `ascend` has not taken yet
  /// @return the mean loss at the unperturbed weights, detached
  /// @throws c10::Error if the recipe wants more passes
  at::Tensor descend(const at::Tensor& loss = {}) {
    TORCH_CHECK(!over_, "roga: descend() twice in one step");
    if (pass_) {
      TORCH_CHECK(loss.defined(),
                  "roga: descend() before the last pass was taken: call ascend(loss) after each "
                  "backward pass until it returns false, or give descend() the last loss");
      TORCH_CHECK(!ascend(loss), "roga: descend() with ", run_.points_left(),
                  " points of the recipe left: call ascend(loss) until it returns false");
    }
    over_ = true;
    at::Tensor mean_loss;
    try {
      auto result = run_.finish(evaluations_);
      mean_loss = result.loss;
      base_step_(std::move(result));
    } catch (...) {
      run_.give_up();
      busy_.reset();
      throw;
    }
    busy_.reset();
    return mean_loss;
  }

 private:
  /// What comes before StepRun, which looks at the buffers.
  static detail::Engine<P, C, A>& begin(detail::Engine<P, C, A>& engine, const Groups& groups) {
    engine.protection.begin(groups);
    return engine;
  }
  /// To the recipe's next pass, if it wants one.
  void advance() {
    pass_ = run_.next();
    if (pass_) enter(pass_->data == detail::Pass::Data::one_domain ? pass_->domain : 0);
  }
  void enter(std::size_t domain) {
    domain_ = domain;
    moment_ = engine_.protection.enter(domain);
  }

  detail::Engine<P, C, A>& engine_;
  std::function<void(detail::StepResult)> base_step_;
  std::vector<std::size_t> domains_;
  std::optional<detail::Busy> busy_;  ///< until the step is over
  detail::StepRun<P, C, A> run_;
  std::optional<detail::Pass> pass_;  ///< the current one; none after the last
  std::size_t domain_ = 0;            ///< of the next backward pass, among the present ones
  std::optional<detail::Protection::Moment> moment_;
  std::size_t evaluations_ = 0;
  bool over_ = false;
};

}  // namespace v1
}  // namespace roga
