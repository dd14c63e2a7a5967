// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <roga/closure.hpp>
#include <roga/engine/any_optimizer.hpp>
#include <roga/engine/archive.hpp>
#include <roga/engine/communicator.hpp>
#include <roga/engine/engine.hpp>
#include <roga/engine/join.hpp>
#include <roga/engine/objective.hpp>
#include <roga/engine/protected_module.hpp>
#include <roga/engine/rollback.hpp>
#include <roga/engine/row_plan.hpp>
#include <roga/engine/step_run.hpp>
#include <roga/engine/wire_plan.hpp>
#include <roga/loss_scaler.hpp>
#include <roga/phased_step.hpp>
#include <roga/policy/composition.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/report.hpp>
#include <roga/schedules.hpp>
#include <roga/tensor/check.hpp>
#include <roga/tensor/parameters.hpp>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {
struct PlainReader;  // in load_plain.hpp
}  // namespace detail

/// A LibTorch optimizer whose step follows a robust direction instead of the plain gradient.
///
/// Derives from its base, so there is one set of parameter groups and states: learning-rate
/// schedulers, add_param_group, zero_grad, torch::save and functions that take
/// torch::optim::Optimizer& work unchanged. `step` hands `Base::step` a closure that leaves the
/// direction of the recipe in .grad.
///
/// After `step`, whether it returns or throws, every parameter that the base step did not change
/// has its bits from before, in the same storage. When a closure throws, base state and the
/// recipe's memory are as before the step too, with protect() also buffers and random generators;
/// gradients are undefined (tensors in .grad that others own stay), and the exception propagates.
///
/// @tparam Base the optimizer to derive from
/// @tparam P,C,A perturbation, capture and alignment policy
template <BaseOptimizer Base, PerturbationPolicy P, CapturePolicy C, AlignmentPolicy A>
class RoGAOptimizer : public Base {
 public:
  /// Computes the loss, calls backward() and returns the loss.
  using LossClosure = torch::optim::Optimizer::LossClosure;

  /// @param recipe the method
  /// @param base whatever constructs a Base
  template <class... BaseArguments>
  explicit RoGAOptimizer(Recipe<P, C, A> recipe, BaseArguments&&... base)
      : Base(std::forward<BaseArguments>(base)...), engine_{std::move(recipe)} {
    engine_.validate();
  }

  /// One step over one domain.
  /// @return the loss at the unperturbed weights (msam, fish, dgsam: at the first point), detached
  /// @throws c10::Error without a closure; whatever the closure throws
  at::Tensor step(LossClosure closure = nullptr) override {
    std::vector<LossClosure> one;
    one.push_back(std::move(closure));
    return step(std::move(one));
  }

  /// One step over several domains, one closure for each; an empty closure marks a domain without
  /// data in this step. A domain's position is its identity between steps.
  /// @return the mean over the domains of what step() of one domain returns, detached
  at::Tensor step(std::vector<LossClosure> domains) {
    return attended([&] {
      return run(detail::Objective(std::move(domains), engine_.protection, nullptr, is_shared()));
    });
  }

  /// The same for domains in braces: `step({a, b})`; one closure in braces is one domain.
  at::Tensor step(std::initializer_list<LossClosure> domains) {
    return step(std::vector<LossClosure>(domains));
  }

  /// One step over several domains, with a closure over all of them for the passes over the whole
  /// minibatch. Without one it is step(domains.closures).
  at::Tensor step(Domains domains) {
    return attended([&] {
      return run(detail::Objective(std::move(domains.closures), engine_.protection,
                                   std::move(domains.pooled), is_shared()));
    });
  }

  /// One step over the domains of one shared forward pass.
  at::Tensor step(SharedForward forward) {
    return attended([&] {
      detail::require_ascending(forward.domains, "SharedForward");
      return run(detail::Objective(std::move(forward.losses), std::move(forward.domains),
                                   engine_.protection, loss_scale().value_or(1.0)));
    });
  }

  /// One step in phases, for a loop that cannot be a closure. See PhasedStep.
  /// @param domains the present ones, by their positions in ascending order
  /// @param passes whether a pass may be over all of them
  /// @throws c10::Error for another order, for LBFGS and other bases that evaluate the loss several
  /// times or move the weights before, and while another phased step is open
  PhasedStep<P, C, A> phases(const std::vector<std::size_t>& domains = {0},
                             Passes passes = Passes::by_domain) {
    TORCH_CHECK(!detail::is_a<torch::optim::LBFGS>(*this),
                "roga: LBFGS evaluates the loss by itself; use step(closure) instead of phases()");
    return attended([&] {
      TORCH_CHECK(is_shared() || !domains.empty(),
                  "roga: phases() got an empty list of domains; list the domains that are present");
      detail::require_ascending(domains, "phases()");
      engine_.require_idle("phases()");
      prepare();
      engine_.protection.begin(this->param_groups());
      std::shared_ptr<detail::Rollback> rollback;
      if (!detail::evaluates_first_and_once<Base>(*this)) {
        rollback = std::make_shared<detail::Rollback>(*this, engine_.state, engine_.gradients,
                                                      engine_.protection);
      }
      return PhasedStep<P, C, A>(engine_, this->param_groups(), domains, passes, loss_scale(),
                                 [this, rollback](detail::StepResult result) {
                                   if (!engine_.record.skipped) {
                                     step_base_along(result, rollback.get());
                                     step_past_base(result.after_base);
                                   }
                                   conclude();
                                 });
    });
  }

  /// From now on the ranks of a group make each step together: one step over the data of all of
  /// them. All ranks call it, and then make the same calls of `step` or `phases`, each with the
  /// closures for its own data; an empty closure marks a domain without data on this rank.
  ///
  /// With K present domains, of which rank r has the loss L_kr with weight w_r, the step is that of
  ///
  ///     L_k = sum_r w_r L_kr / sum_r w_r    over the ranks that have domain k
  ///
  /// on one process, up to rounding, and has the same bits on all ranks. All ranks begin with the
  /// weights, the base optimizer's state, the recipe's memory and the protected buffers of rank 0.
  /// If a rank fails in a step, all throw, and if one meets a number that is not finite, all skip.
  /// See docs/distributed.md.
  ///
  ///     optimizer.distribute({.group = roga::communicator(process_group)});
  ///
  /// @throws c10::Error on all ranks, without a group, for a negative weight, for optimizers that
  /// are not over parameters of the same shapes, and for Ascent::local with a recipe that remembers
  /// rows from step to step (`fsam`, `looksam`, `msam`, ...): ranks would remember different ones
  /// Cost: one broadcast now; for each step see roga::traffic.
  void distribute(const Distribution& distribution) {
    engine_.require_idle("distribute()");
    TORCH_CHECK(distribution.group,
                "roga: distribute() got no group; give it "
                "`.group = roga::communicator(process_group)`, from <roga/distributed.hpp>");
    const auto parameters = detail::parameters_of(this->param_groups());
    auto team = std::make_shared<detail::Team>(
        distribution, parameters.empty() ? at::Device(at::kCPU) : parameters.front().device());
    engine_.team = nullptr;
    detail::join(*team, *this, engine_.protection, detail::failure_of([&] {
      detail::require_radius("weight", distribution.weight);
      TORCH_CHECK(distribution.ascent == Ascent::global || Travels::allows_local_ascent,
                  "roga: Ascent::local does not work with a recipe that remembers gradients, such "
                  "as fsam, looksam or msam: each rank would remember different ones; choose "
                  "Ascent::global");
    }));
    engine_.skipped_in_a_row = 0;
    if (team->size() > 1) engine_.team = std::move(team);
  }
  /// Changes this rank's weight for the steps to come, for example when the size of its minibatches
  /// changes. Costs nothing: each step's roll call sends it.
  /// @throws c10::Error if it is negative or not finite
  void data_weight(double weight) {
    engine_.require_idle("data_weight()");
    detail::require_radius("weight", weight);
    if (engine_.team) engine_.team->weigh(weight);
  }

  /// The live policies: their hyper-parameters may change between steps.
  P& perturbation() { return engine_.recipe.perturbation; }
  /// For reading.
  const P& perturbation() const { return engine_.recipe.perturbation; }
  /// The live capture policy.
  C& capture() { return engine_.recipe.capture; }
  /// For reading.
  const C& capture() const { return engine_.recipe.capture; }
  /// The live alignment policy.
  A& alignment() { return engine_.recipe.alignment; }
  /// For reading.
  const A& alignment() const { return engine_.recipe.alignment; }

  /// What the last step did. With a base that evaluates its closure several times (LBFGS) it
  /// describes the last evaluation, but evaluations() counts those of the whole step.
  StepReport last_step() const { return StepReport(engine_.record); }

  /// From now on running statistics are updated by the first pass of a step only, and dropout
  /// draws the same masks in all of them. May be called for several modules.
  ///
  /// Passes may resize, expand and replace buffers; those that are new keep their value. Dropout
  /// draws from LibTorch's default generators, of which the process has one for each device: what
  /// another thread draws from them during a step is set back, too. Give a thread that loads data
  /// a generator of its own.
  /// @param module a torch::nn::Module, or a pointer to one, as model or *model, which must exist
  /// for as long as steps are made; or a torch::jit::Module, whose content is kept
  /// @throws c10::Error during a step, and for an empty pointer or handle; the next step throws if
  /// the module no longer exists Cost: a copy of the buffers for each pass after the first.
  template <detail::HasModule Module>
  void protect(const Module& module) {
    engine_.require_idle("protect()");
    engine_.protection.add(detail::protected_module(module));
  }

  /// What a loss or gradient that is not finite does to a step.
  /// Settings cannot change during a step: their calls throw c10::Error in a closure, and while a
  /// phased step is open.
  void non_finite(NonFinite rule) { settings("non_finite()").non_finite = rule; }
  /// Keeps the copy of theta, from the first move of a step to its end, in pinned memory of the
  /// host: one copy of the parameters less on the accelerator, for a transfer to the host and one
  /// back for each point of the step. Changes no bit, and nothing for parameters on the CPU.
  void backup_on_host(bool on) {
    settings("backup_on_host()").backup =
        on ? detail::Backup::on_host : detail::Backup::beside_the_weights;
  }
  /// Fills the cosines of last_step(). Keeps rows until the end of the step: at most one more copy
  /// of the parameters for one domain, K + 1 for several.
  void diagnose(bool on) { settings("diagnose()").diagnose = on; }

  /// Divides the gradients by the scaler's factor before anything is done with them, and adapts it
  /// once per step. The losses of a SharedForward are scaled by it, too. A step that overflows is
  /// skipped even under NonFinite::ignore. The factor is saved and loaded with the optimizer.
  void attach(const LossScaler& scaler) {
    engine_.require_idle("attach()");
    scaler_ = scaler;
    if (!loaded_scale_.empty()) scaler_->restore(std::exchange(loaded_scale_, {}));
  }

  /// Sets the radius before each step, from the step count and the learning rate: see
  /// roga::schedules. An empty schedule leaves the radius to `perturbation().rho`.
  void schedule_radius(RadiusSchedule radius) requires HasRadius<P> { radius_ = std::move(radius); }
  /// The first `steps` steps follow the ERM gradient, with one pass each. With a base that
  /// evaluates several times per step (LBFGS), each evaluation counts.
  void warm_up(std::int64_t steps) { settings("warm_up()").warm_up = steps; }
  /// Shortens the final direction to at most this norm over all parameters; infinity switches it
  /// off. The gradients at theta and at the points are not clipped, nor is the term that
  /// `wsam_decoupled` adds after the base step.
  /// @throws c10::Error unless positive
  void clip_norm(double max_norm) {
    detail::require(max_norm > 0, "max_norm", "positive", max_norm);
    settings("clip_norm()").max_norm = max_norm;
  }
  /// Multiplies the radius in one parameter group. The norm of the ascent direction still runs over
  /// all groups together.
  /// @throws c10::Error if the factor is negative or not finite, or without such a group
  void group_radius(std::size_t group, double factor) {
    detail::require_radius("factor", factor);
    const auto count = this->param_groups().size();
    TORCH_CHECK(group < count, "roga: group_radius() got group ", group, " of an optimizer with ",
                count, " parameter groups, counted from 0");
    auto& factors = settings("group_radius()").group_factors;
    if (factors.size() <= group) factors.resize(group + 1, 1.0);
    factors[group] = factor;
  }
  /// Restricts the ascent to some parameters; its norm runs over these alone. With the parameters
  /// of the normalisation layers this is SAM-ON (Mueller et al., NeurIPS 2023, arXiv 2306.04226).
  /// An empty list means all. The direction still covers every parameter.
  /// @param others with Bystanders::out_of_graph, recipes whose gradient at theta serves the ascent
  /// alone (`sam`, `asam`, ...) evaluate there with the other parameters out of the graph, which
  /// saves their share of the backward pass. Every loss has to depend on one of `parameters` then.
  /// @throws c10::Error if none of them is a parameter of this optimizer
  void ascend_only(const std::vector<at::Tensor>& parameters,
                   Bystanders others = Bystanders::in_graph) {
    std::unordered_set<const void*> only;
    for (const auto& parameter : parameters) only.insert(parameter.unsafeGetTensorImpl());
    bool any = only.empty();
    for (const auto& group : this->param_groups()) {
      for (const auto& own : group.params()) any = any || only.contains(own.unsafeGetTensorImpl());
    }
    TORCH_CHECK(any, "roga: ascend_only() got ", parameters.size(),
                " tensors, none of which is a parameter of this optimizer");
    settings("ascend_only()").bystanders = others;
    engine_.settings.only = std::move(only);
  }

  /// Writes what the base writes, which a plain Base can read, and beside it the learning rates and
  /// other group options, the recipe's memory and the step count.
  /// @throws c10::Error during a step: the weights may be at an ascent point
  void save(torch::serialize::OutputArchive& archive) const override {
    engine_.require_idle("save()");
    Base::save(archive);
    detail::write_archive(archive, this->param_groups(),
                          {engine_.state, scaler_ ? scaler_->numbers() : loaded_scale_,
                           engine_.gradients.marks(detail::parameters_of(this->param_groups()))});
  }
  /// @throws c10::Error if the archive is no checkpoint of such an optimizer over such parameters;
  /// nothing has changed then. The file of a plain optimizer is for roga::load_plain.
  void load(torch::serialize::InputArchive& archive) override {
    engine_.require_idle("load()");
    constexpr detail::RememberedRows remembers{
        detail::remembered_rows<P>(), detail::remembered_rows<C>(), detail::remembered_rows<A>()};
    detail::read_undamaged([&] {
      auto archived =
          detail::read_archive(archive, *this, remembers, [&](const detail::Archived& read) {
            if (!read.scaler.empty()) LossScaler::check(read.scaler);
            Base::load(archive);
          });
      engine_.state = std::move(archived.state);
      engine_.state.resumed = engine_.state.step > 0;
      engine_.gradients.load(engine_.state.parameters, archived.had_gradient);
      detail::forget_casts();
      loaded_scale_ = std::move(archived.scaler);
      engine_.skipped_in_a_row = 0;
    });
    if (scaler_ && !loaded_scale_.empty()) attach(*scaler_);
  }

 private:
  using Travels = detail::WirePlan<P, C, A>;

  bool is_shared() const { return engine_.team != nullptr; }
  /// Makes a step, or begins one. If it fails on this rank, the others learn of it.
  template <class Make>
  auto attended(Make&& make) {
    if (!engine_.team || engine_.busy != nullptr) return make();
    engine_.team->begin();
    try {
      return make();
    } catch (...) {
      engine_.team->fail();
      throw;
    }
  }

  /// @param call that changes them
  detail::Settings& settings(const char* call) {
    engine_.require_idle(call);
    return engine_.settings;
  }
  std::optional<double> loss_scale() const {
    return scaler_ ? std::optional(scaler_->factor()) : std::nullopt;
  }

  /// What a step does before its first pass.
  void prepare() {
    const auto& groups = this->param_groups();
    if constexpr (HasRadius<P>) {
      if (radius_) {
        engine_.recipe.perturbation.rho =
            radius_({engine_.state.step, detail::learning_rate(groups)});
      }
    }
    if constexpr (requires(Step & step) { engine_.recipe.alignment.after_base(step); }) {
      // Options without a learning rate throw now, and not after the base step.
      for (const auto& group : groups) static_cast<void>(group.options().get_lr());
    }
    engine_.validate();
  }
  /// What it does after the base step, or without one.
  void conclude() {
    const bool skipped = engine_.record.skipped;
    engine_.skipped_in_a_row = skipped ? engine_.skipped_in_a_row + 1 : 0;
    engine_.record.skipped_in_a_row = engine_.skipped_in_a_row;
    engine_.gradients.leave();
    detail::forget_casts();
    if (scaler_ && skipped) scaler_->back_off();
    if (scaler_ && !skipped) scaler_->advance();
    TORCH_CHECK(!skipped || engine_.settings.non_finite != NonFinite::raise, "roga: step ",
                engine_.record.step, " met a loss or gradient that is not finite, first in ",
                engine_.record.not_finite.value_or(NonFinitePlace{}).text(),
                "; the weights are unchanged");
    if (is_worth_a_warning(engine_.skipped_in_a_row)) warn_of_skipped_steps();
  }
  /// 20, 200, 2000, ...
  static constexpr bool is_worth_a_warning(std::int64_t steps) {
    while (steps > 20 && steps % 10 == 0) steps /= 10;
    return steps == 20;
  }
  void warn_of_skipped_steps() const {
    const bool at_floor = scaler_ && scaler_->factor() <= scaler_->least_factor();
    TORCH_WARN("roga: ", engine_.skipped_in_a_row,
               " steps in a row were skipped, because a loss or gradient was not finite; the "
               "weights do not change: check the learning rate, the radius, the loss and the data",
               at_floor ? "; the loss scaler's factor is at its floor, so it is not the cause" : "",
               "; NonFinite::raise stops at the first such step");
  }

  at::Tensor run(detail::Objective objective) {
    engine_.require_idle("step()");
    const detail::Busy busy(engine_.busy, "step() is running: leave its closure first");
    prepare();
    engine_.protection.begin(this->param_groups());
    auto loss = run_base(objective);
    conclude();
    return loss;
  }

  at::Tensor run_base(detail::Objective& objective) {
    // Bases that evaluate several times, as LBFGS does in its line search, get a fresh direction at
    // each point; if one of these evaluations fails, the whole step is undone.
    std::optional<detail::Rollback> rollback;
    if (!detail::evaluates_first_and_once<Base>(*this)) {
      rollback.emplace(*this, engine_.state, engine_.gradients, engine_.protection);
    }
    at::Tensor loss;
    GradientList after_base;
    try {
      Base::step([&]() -> at::Tensor {
        auto result = detail::run_step(engine_, this->param_groups(), objective, loss_scale());
        if (!loss.defined()) loss = result.loss;
        if (engine_.record.skipped) throw detail::SkipStep{};
        after_base = std::move(result.after_base);
        return result.loss;
      });
      TORCH_CHECK(loss.defined(),
                  "roga: the base optimizer's step() did not call its closure; call it once there, "
                  "as torch::optim::SGD does");
    } catch (const detail::SkipStep&) {
      if (rollback) rollback->apply();
      return loss;
    } catch (...) {
      if (rollback) rollback->give_up();
      throw;
    }
    step_past_base(after_base);
    return loss;
  }

  /// One base step along the direction of a phased step, whose passes are over.
  /// @param rollback for bases that are not known to evaluate first and once
  void step_base_along(const detail::StepResult& result, detail::Rollback* rollback) {
    const auto parameters = detail::parameters_of(this->param_groups());
    const auto versions = detail::versions(parameters);
    bool evaluated = false;
    try {
      Base::step([&] {
        TORCH_CHECK(!std::exchange(evaluated, true),
                    "roga: this base optimizer evaluates the loss several times; use "
                    "step(closure) instead of phases()");
        TORCH_CHECK(detail::versions(parameters) == versions,
                    "roga: this base optimizer moves the weights before it evaluates the loss; "
                    "use step(closure) instead of phases()");
        return result.loss;
      });
    } catch (...) {
      if (rollback != nullptr) rollback->give_up();
      throw;
    }
  }

  /// theta <- theta - lr row, for methods that step outside the base optimizer's preconditioner.
  void step_past_base(const GradientList& row) {
    if (row.empty()) return;
    const c10::NoGradGuard no_grad;
    const auto& groups = this->param_groups();
    const auto members = detail::members(groups);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!row[i].defined()) continue;
      const auto& [parameter, group] = members[i];
      parameter.add_(row[i], -groups[group].options().get_lr());
    }
  }

  friend struct detail::PlainReader;

  detail::Engine<P, C, A> engine_;
  RadiusSchedule radius_;
  std::optional<LossScaler> scaler_;
  std::vector<double> loaded_scale_;  ///< of a checkpoint, for a scaler that is attached later
};

/// Wraps an optimizer class: `roga::wrap<torch::optim::SGD>(roga::recipes::sam({.rho = 0.05}),
/// model->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9))`.
/// @param recipe the method
/// @param base arguments of any constructor of Base, parameter groups included
template <BaseOptimizer Base, class P, class C, class A, class... BaseArguments>
RoGAOptimizer<Base, P, C, A> wrap(Recipe<P, C, A> recipe, BaseArguments&&... base) {
  return RoGAOptimizer<Base, P, C, A>(std::move(recipe), std::forward<BaseArguments>(base)...);
}
/// The same for a brace-enclosed list of parameters.
template <BaseOptimizer Base, class P, class C, class A, class Options>
RoGAOptimizer<Base, P, C, A> wrap(Recipe<P, C, A> recipe, std::vector<at::Tensor> parameters,
                                  Options options) {
  return RoGAOptimizer<Base, P, C, A>(std::move(recipe), std::move(parameters), std::move(options));
}

/// The same for a brace-enclosed list of parameter groups.
template <BaseOptimizer Base, class P, class C, class A, class Options>
RoGAOptimizer<Base, P, C, A> wrap(Recipe<P, C, A> recipe,
                                  std::vector<torch::optim::OptimizerParamGroup> groups,
                                  Options options) {
  return RoGAOptimizer<Base, P, C, A>(std::move(recipe), std::move(groups), std::move(options));
}

/// Wraps an optimizer chosen at run time, and takes over its parameter groups, states and defaults.
/// From here on the wrapper is the optimizer: attach schedulers, and give whatever takes an
/// Optimizer&, to it. What was attached to `base` before acts on nothing, or throws.
/// @throws c10::Error if `base` is null
template <class P, class C, class A>
RoGAOptimizer<AnyOptimizer, P, C, A> wrap(std::unique_ptr<torch::optim::Optimizer> base,
                                          Recipe<P, C, A> recipe) {
  return RoGAOptimizer<AnyOptimizer, P, C, A>(std::move(recipe), std::move(base));
}

}  // namespace v1
}  // namespace roga
