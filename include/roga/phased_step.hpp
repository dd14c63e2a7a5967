// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <roga/closure.hpp>
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
/// With `phases({0, 1, 2}, roga::Passes::pooled)` a pass may be over several: over those in
/// `step.domains()`, whose mean loss is differentiated.
///
/// The same results, bit for bit, as step(closures), or as step(Domains). For recipes without a
/// pass at theta, such as msam, the weights are at their first point from the start. If the object
/// is destroyed before `descend`, for example by an exception, the weights return to theta and no
/// step has been made.
template <class P, class C, class A>
class PhasedStep {
 public:
  /// The optimizer's parameter groups.
  using Groups = std::vector<torch::optim::OptimizerParamGroup>;

  /// @param domains the present ones, by their positions
  /// @param passes whether a pass may be over all of them
  /// @param base_step one step of the base optimizer along .grad
  PhasedStep(detail::Engine<P, C, A>& engine, const Groups& groups,
             const std::vector<std::size_t>& domains, Passes passes,
             std::optional<double> loss_scale, std::function<void(detail::StepResult)> base_step)
      : engine_(engine),
        base_step_(std::move(base_step)),
        present_(domains),
        wants_pooled_(passes == Passes::pooled && domains.size() > 1),
        busy_(std::in_place, engine.busy,
              "a phased step is open: call its descend() first, or let it go out of scope"),
        run_(engine, groups, loss_scale) {
    run_.present(domains);
    pooled_ = wants_pooled_ && run_.weights_of_domains().empty();
    advance();
  }
  PhasedStep(const PhasedStep&) = delete;
  PhasedStep& operator=(const PhasedStep&) = delete;
  ~PhasedStep() {
    if (!over_ && engine_.team) engine_.team->fail();  // where the others wait for this rank
  }

  /// Takes the gradients that the last backward pass left and moves on.
  /// @param loss of that pass; of a pass over several domains each one's, [K], or their mean
  /// @return whether the recipe wants another pass, at the point where the weights are now
  /// @throws c10::Error after the last pass, or after `descend`
  bool ascend(const at::Tensor& loss) {
    TORCH_CHECK(pass_ && !over_, "roga: ascend() after ",
                over_ ? "the end of the step; call phases() for the next one"
                      : "the last pass; call descend()");
    if (domain_ == detail::all_domains) {
      detail::check_pooled_loss(loss, present_.size(), "ascend() after a pass over all domains");
    } else {
      detail::check_loss(loss, "ascend() after the pass over domain", next_.front(), "got");
    }
    engine_.protection.leave(moment_);
    moment_.reset();
    ++evaluations_;
    run_.take(domain_, loss.numel() == 1 ? loss.detach().reshape({}) : loss.detach());
    const bool over_each = pass_->data != detail::Pass::Data::one_domain;
    if (over_each && domain_ != detail::all_domains && domain_ + 1 < present_.size()) {
      enter(domain_ + 1);
    } else {
      advance();
    }
    return pass_.has_value();
  }

  /// The domain whose data the next backward pass is over: its position, as given to phases().
  /// @throws c10::Error after the last pass, or if the next pass is over several
  std::size_t domain() const {
    TORCH_CHECK(domains().size() == 1,
                "roga: domain() before a pass over several domains; call domains()");
    return next_.front();
  }
  /// The domains whose data the next backward pass is over: one, or with Passes::pooled all.
  /// @throws c10::Error after the last pass
  const std::vector<std::size_t>& domains() const {
    TORCH_CHECK(pass_ && !over_, "roga: domain() after the last pass: call descend()");
    return next_;
  }

  /// Puts the weights back, makes the direction, and steps the base optimizer along it.
  /// @param loss of a backward pass whose gradients `ascend` has not taken yet
  /// @return the mean loss at the unperturbed weights, detached
  /// @throws c10::Error if the recipe wants more passes
  at::Tensor descend(const at::Tensor& loss = {}) {
    TORCH_CHECK(!over_, "roga: descend() twice in one step; call phases() for the next one");
    if (pass_) {
      TORCH_CHECK(loss.defined(),
                  "roga: descend() before the last pass was taken: call ascend(loss) after each "
                  "backward pass until it returns false, or give descend() the last loss");
      TORCH_CHECK(!ascend(loss),
                  "roga: descend() with passes of the recipe left: call ascend(loss) until it "
                  "returns false");
    }
    over_ = true;
    at::Tensor mean_loss;
    try {
      auto result = run_.finish(evaluations_);
      mean_loss = result.loss;
      base_step_(std::move(result));
    } catch (...) {
      if (engine_.team) engine_.team->fail();
      run_.give_up();
      busy_.reset();
      throw;
    }
    busy_.reset();
    return mean_loss;
  }

 private:
  /// Goes to the recipe's next pass, if there is one.
  void advance() {
    pass_ = run_.next();
    if (!pass_) return;
    if (pooled_ && pass_->data == detail::Pass::Data::pooled) {
      domain_ = detail::all_domains;
      next_ = present_;
      moment_ = engine_.protection.enter(detail::Protection::everything);
    } else {
      enter(pass_->data == detail::Pass::Data::one_domain ? pass_->domain : 0);
    }
  }
  void enter(std::size_t domain) {
    domain_ = domain;
    next_.assign(1, present_[domain]);
    moment_ = engine_.protection.enter(detail::Protection::unit(domain));
  }

  detail::Engine<P, C, A>& engine_;
  std::function<void(detail::StepResult)> base_step_;
  std::vector<std::size_t> present_;
  bool wants_pooled_;
  bool pooled_ = false;
  std::optional<detail::Busy> busy_;  ///< until the step is over
  detail::StepRun<P, C, A> run_;
  std::optional<detail::Pass> pass_;  ///< the current one; none after the last
  std::size_t domain_ = 0;            ///< of the next backward pass, among the present ones
  std::vector<std::size_t> next_;     ///< the same by their positions
  std::optional<detail::Protection::Moment> moment_;
  std::size_t evaluations_ = 0;
  bool over_ = false;
};

}  // namespace v1
}  // namespace roga
