// SPDX-License-Identifier: MIT
// One step from the user's closures to .grad. Nothing else moves parameters or writes gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/engine/non_finite.hpp>
#include <roga/engine/objective.hpp>
#include <roga/engine/protection.hpp>
#include <roga/engine/record.hpp>
#include <roga/engine/weights.hpp>
#include <roga/loss_scaler.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/memory.hpp>
#include <roga/policy/step.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/torch.hpp>
#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {

template <class P, class C, class A>
class Engine {
  static constexpr Reads needs = P::reads | A::reads;
  static constexpr bool keeps_domains =
      reads(needs, Reads::domains | Reads::own_domain) || !LinearAlignment<A>;

 public:
  P perturbation;
  C capture;
  A alignment;
  Memory memory;
  detail::Protection protection;
  NonFinite non_finite = NonFinite::skip;
  bool diagnose = false;
  std::int64_t warm_up = 0;              ///< steps that follow the ERM gradient
  double max_norm = INFINITY;            ///< of the direction
  std::vector<double> group_factors;     ///< radius of each parameter group, relative
  std::unordered_set<const void*> only;  ///< parameters that ascend; all where empty
  bool freeze_bystanders = false;        ///< those that do not ascend, at theta
  bool backup_on_host = false;           ///< the copy of theta, in pinned memory
  std::optional<LossScaler> scaler;
  bool in_phases = false;  ///< a PhasedStep is open
  detail::StepRecord report;
  GradientList after_base;  ///< subtracted after the base step, times the learning rate

  Engine(P p, C c, A a)
      : perturbation(std::move(p)), capture(std::move(c)), alignment(std::move(a)) {}

  /// @throws c10::Error naming a hyper-parameter that breaks its rule
  void validate() const {
    auto check = [](const auto& policy) {
      if constexpr (requires { policy.validate(); }) policy.validate();
      if constexpr (requires { policy.metric.validate(); }) policy.metric.validate();
    };
    check(perturbation);
    check(capture);
    check(alignment);
  }

  /// Leaves the robust direction in the parameters' .grad and everything else as it was; returns
  /// the mean loss at theta. `report.skipped` says that there is no direction.
  template <class Groups>
  at::Tensor run(const Groups& groups, detail::Objective& objective) {
    const c10::NoGradGuard no_grad;
    detail::Weights weights(groups, memory);
    Step step = begin(weights);
    const auto before = protection.now();
    try {
      {
        const auto frozen = bystanders(weights);
        evaluate_at_theta(step, weights, objective);
      }
      const std::size_t points = points_of(step, weights);
      for (std::size_t j = 0; j < points && finite_; ++j) {
        move_to_point(step, weights, j, points);
        if (finite_) capture_gradient(step, weights, objective, j, points);
      }
      conclude(step, weights, objective.evaluations());
    } catch (...) {
      undo(weights, before);
      throw;
    }
    return end(step, weights, before);
  }

 private:
  template <class, class, class>
  friend class PhasedStep;

  /// Whether nobody but the ascent reads the gradient at theta.
  static constexpr bool serves_the_ascent_alone =
      P::at_theta && LinearAlignment<A> &&
      !reads(A::reads, Reads::erm | Reads::domains | Reads::own_domain) && !requires {
    P::remembers;
  };

  bool warming_up() const { return memory.step < warm_up; }
  bool checks_numbers() const { return non_finite != NonFinite::ignore || scaler.has_value(); }

  Step begin(const detail::Weights& weights) {
    report = {};
    report.step = memory.step;
    losses_.clear();
    after_base.clear();
    unread_.clear();
    finite_ = true;
    return Step(memory, weights.size());
  }

  /// The gradients that a backward pass left, without the scale of its loss.
  GradientList take_gradients(detail::Weights& weights) const {
    auto row = weights.take_gradients();
    if (scaler) detail::scale_by(row, 1.0 / scaler->factor());
    return row;
  }

  /// Where the gradient at theta serves the ascent alone, parameters that do not ascend need none:
  /// backward passes leave out their share of the work.
  detail::Frozen bystanders(const detail::Weights& weights) const {
    detail::Frozen frozen;
    if (!serves_the_ascent_alone || !freeze_bystanders || only.empty() || diagnose || warming_up())
      return frozen;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!ascends(weights, i)) frozen.add(weights.parameters()[i]);
    }
    return frozen;
  }

  // 1. theta: the losses, and the rows that the policies read.
  template <class Objective>
  void evaluate_at_theta(Step& step, detail::Weights& weights, Objective& objective) {
    if (warming_up()) {
      std::size_t pieces = 0;
      objective.pooled([&](std::size_t k, const at::Tensor& loss) {
        note_loss(step, objective, k, loss);
        detail::add_to(step.slot(Row::Kind::erm), take_gradients(weights));
        ++pieces;
      });
      detail::divide_by(step.slot(Row::Kind::erm), pieces);
      return;
    }
    if constexpr (P::at_theta) {
      std::size_t pieces = 0;
      auto take = [&](std::size_t k, const at::Tensor& loss) {
        note_loss(step, objective, k, loss);
        auto row = take_gradients(weights);
        const bool of_one_domain = loss.dim() == 0;  // and not of a shared forward's mean
        if ((keeps_domains || (diagnose && of_one_domain)) && step.domains() > 1) {
          step.domain_rows_.push_back(row);
          if (!reads(needs, Reads::erm) && !diagnose) return;
          if (pieces == 0) detail::unshare(row);  // the sum begins in it
        }
        detail::add_to(step.slot(Row::Kind::erm), std::move(row));
        ++pieces;
      };
      if constexpr (keeps_domains) {
        objective.each(take);
      } else {
        objective.pooled(take);
      }
      detail::divide_by(step.slot(Row::Kind::erm), pieces);
      if (!step.domain_rows_.empty()) {
        for (std::size_t k = 0; k < step.domains(); ++k) check(step, domain(k));
      } else {
        check(step, erm);
      }
    } else {
      step.domains_ = objective.present();
      step.losses_.resize(step.domains_.size());
    }
  }

  // 2. the points: move, evaluate what the capture policy names, keep what the alignment reads.
  std::size_t points_of(Step& step, detail::Weights& weights) const {
    if (!finite_ || warming_up()) return 0;
    const std::size_t points = perturbation.points(step);
    TORCH_CHECK(P::at_theta || points > 0,
                "roga: this recipe walks from domain to domain and needs "
                "their number beforehand; give step() a list of closures, not a SharedForward");
    if (points > 0) weights.keep_theta(backup_on_host);
    return points;
  }

  void move_to_point(Step& step, detail::Weights& weights, std::size_t j, std::size_t points) {
    move_to(perturbation.point(step, j), step, weights, /*last=*/j + 1 == points);
    release(step, j, /*last=*/j + 1 == points);
  }

  template <class Objective>
  void capture_gradient(Step& step, detail::Weights& weights, Objective& objective, std::size_t j,
                        std::size_t points) {
    GradientList row;
    std::size_t pieces = 0;
    auto take = [&](std::size_t k, const at::Tensor& loss) {
      if constexpr (!P::at_theta) note_loss(step, objective, k, loss);
      detail::add_to(row, take_gradients(weights));
      ++pieces;
    };
    const Slice slice = capture.slice(step, j);
    if (slice.all) {
      objective.pooled(take);
    } else {
      TORCH_CHECK(slice.domain < step.domains(), "roga: the capture policy evaluates domain ",
                  slice.domain, " at point ", j, " of a step with ", step.domains(),
                  " domains; OwnDomain needs a perturbation with one point per domain");
      objective.one(slice.domain, take);
    }
    detail::divide_by(row, pieces);
    keep(step, std::move(row), /*last=*/j + 1 == points);
  }

  void move_to(const Point& point, Step& step, detail::Weights& weights, bool last) {
    auto direction = step.resolve(point.direction);
    const bool replace =
        has_metric && serves_the_ascent_alone && last && !diagnose && point.shift.terms().empty();
    // M v is kept where it takes the place of v, and where one call serves the whole row.
    const bool whole = has_metric && in_one_call(direction);
    GradientList stretched_row(has_metric ? weights.size() : 0);
    const Scalar length = sqrt(length2(point.direction, direction, step, weights,
                                       replace || whole ? &stretched_row : nullptr, replace));
    // A chain of points stops where a gradient on the way is not finite.
    if (checks_numbers() && length.on_host() && !std::isfinite(length.value())) {
      finite_ = false;
      return;
    }
    constexpr double guard = 1e-12;
    const Scalar factor = point.radius * reciprocal(length + guard);
    report.radii.push_back(point.radius);
    report.ascent_norms.push_back(length);

    weights.move(point.from == Point::From::previous, [&](auto&& move) {
      const auto groups = ascending(weights);
      for (std::size_t g = 0; g < groups.size(); ++g) {
        const Scalar radius = factor * group_factor(g);
        if constexpr (has_metric) {
          auto offset = step.resolve(point.shift);
          offset.insert(offset.begin(), {&stretched_row, radius});
          if (whole) {
            move(groups[g], offset);
            continue;
          }
          for (const std::size_t i : groups[g]) {
            if (!replace) {
              stretched_row[i] = stretched(detail::combined(direction, i), weights, i);
            }
            move(std::span(&i, 1), offset);
            stretched_row[i] = at::Tensor();
          }
        } else {
          // One term per row: where direction and shift share a row, one pass does both.
          move(groups[g], step.resolve(radius * point.direction + point.shift));
        }
      }
    });
  }

  /// The parameters that ascend, by parameter group.
  std::vector<std::vector<std::size_t>> ascending(const detail::Weights& weights) const {
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      groups.resize(std::max(groups.size(), weights.group_of(i) + 1));
      if (ascends(weights, i)) groups[weights.group_of(i)].push_back(i);
    }
    return groups;
  }
  bool ascends(const detail::Weights& weights, std::size_t i) const {
    return only.empty() || only.contains(weights.parameters()[i].unsafeGetTensorImpl());
  }
  double group_factor(std::size_t group) const {
    return group < group_factors.size() ? group_factors[group] : 1.0;
  }

  static constexpr bool has_metric = requires(const P p) { requires Metric<decltype(p.metric)>; };

  /// M v of parameter i, never in half precision; undefined where v leaves the parameter out.
  at::Tensor stretched(at::Tensor v, const detail::Weights& weights, std::size_t i) const {
    if constexpr (has_metric) {
      if (v.defined()) {
        return perturbation.metric.apply(detail::widened(weights.theta(i)), detail::widened(v));
      }
    }
    return v;
  }

  static bool in_one_call(const detail::ScaledRows& rows) {
    return !rows.empty() && detail::one_call_serves(*rows.front().row);
  }

  /// <v, M v>; leaves M v in `stretched_row`, if there is one, and frees v on demand.
  Scalar length2(const Combination& combination, const detail::ScaledRows& direction, Step& step,
                 const detail::Weights& weights, GradientList* stretched_row, bool free_v) const {
    if constexpr (!has_metric) {
      if (combination.terms().size() == 1 && only.empty()) {
        const auto& [row, factor] = combination.terms().front();
        return factor * factor * step.dot(row, row);
      }
    }
    Scalar sum;  // of differences of rows the Gram matrix would lose digits
    GradientList v;
    if (in_one_call(direction)) {  // at the price of a row, a few launches in all
      v = detail::combined_row(direction, weights.size());
      for (std::size_t i = 0; i < v.size(); ++i) {
        if (!ascends(weights, i)) v[i] = at::Tensor();
        if (has_metric) (*stretched_row)[i] = stretched(v[i], weights, i);
      }
      sum = has_metric ? detail::inner_product(v, *stretched_row) : detail::inner_product(v, v);
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!ascends(weights, i)) continue;
      if (v.empty()) {
        const auto v_i = detail::combined(direction, i);
        const auto mv_i = stretched(v_i, weights, i);
        if (mv_i.defined()) sum = sum + detail::inner_product(v_i, mv_i);
        if (stretched_row != nullptr) (*stretched_row)[i] = mv_i;
      }
      if (free_v) step.drop_at_theta(i);
    }
    return sum;
  }

  /// Frees the rows that nobody reads any more, before the next evaluation needs the memory.
  void release(Step& step, std::size_t j, bool last) {
    if (!reads(A::reads, Reads::latest)) step.slot(Row::Kind::latest).clear();
    if (diagnose) return;
    constexpr bool aligns_domains = reads(A::reads, Reads::domains) || !LinearAlignment<A>;
    const bool one_row = step.domains() == 1;  // its gradient and the mean are one row
    if (last && !reads(A::reads, Reads::erm) && !(one_row && aligns_domains)) {
      step.slot(Row::Kind::erm).clear();
    }
    if (aligns_domains) return;
    for (std::size_t k = 0; k < step.domain_rows_.size(); ++k) {
      const bool done = reads(P::reads, Reads::domains) ? last : k == j;
      if (done) step.domain_rows_[k].clear();
    }
  }

  void keep(Step& step, GradientList row, bool last) {
    const std::size_t count = ++step.points_;
    step.forget_captured_products();
    const bool as_latest =
        reads(A::reads, Reads::latest) || (reads(P::reads, Reads::latest) && !last);
    if constexpr (reads(needs, Reads::captured)) step.captured_rows_.push_back(row);
    if (as_latest) step.slot(Row::Kind::latest) = row;
    if constexpr (reads(needs, Reads::captured_mean)) {
      auto& mean = step.slot(Row::Kind::captured_mean);
      const bool shared = reads(needs, Reads::captured) || as_latest;
      if (reads(P::reads, Reads::captured_mean)) {  // it has to be one after each point
        if (shared) detail::unshare(row);
        detail::update_mean(mean, std::move(row), count);
      } else {
        if (count == 1 && shared) detail::unshare(row);
        detail::add_to(mean, std::move(row));
        if (last) detail::divide_by(mean, count);
      }
    }
  }

  // 3. the direction.
  void conclude(Step& step, detail::Weights& weights, std::size_t evaluations) {
    weights.restore();
    loss_ = mean_loss();
    if (finite_ && warming_up()) {
      auto& mean = step.slot(Row::Kind::erm);
      for (std::size_t i = 0; i < weights.size(); ++i) weights.set_gradient(i, std::move(mean[i]));
    } else if (finite_) {
      if (diagnose) measure(step);
      align(step, weights);
    }
    if (finite_) finish_direction(step, weights);
    report.evaluations = evaluations;
    report.points = step.points_;
    report.skipped = !finite_;
    if (finite_ || non_finite != NonFinite::raise) return;
    if (scaler) scaler->update(/*overflowed=*/true);
    TORCH_CHECK(false, "roga: step ", memory.step,
                " met a loss or gradient that is not finite; the weights are unchanged");
  }

  at::Tensor end(Step& step, detail::Weights& weights, const detail::Protection::Moment& before) {
    if (report.skipped) {
      undo(weights, before);
    } else {
      commit(step, weights);
    }
    return loss_;
  }

  /// Of all domains; of a step that stopped early, of those that it came to.
  at::Tensor mean_loss() const {
    std::vector<at::Tensor> known;
    for (const auto& loss : losses_) {
      if (loss.defined()) known.push_back(known.empty() ? loss : loss.to(known[0].device()));
    }
    TORCH_CHECK(known.size() == losses_.size() || !finite_, "roga: this recipe evaluated ",
                known.size(), " of ", losses_.size(),
                " domains; its capture policy needs points for all of them");
    return known.size() == 1 ? known.front() : at::stack(known).mean();
  }

  void align(Step& step, detail::Weights& weights) {
    auto hand_over = [&](std::size_t i, at::Tensor gradient) {
      weights.set_gradient(i, std::move(gradient));
      step.drop(i);
    };
    if constexpr (LinearAlignment<A>) {
      const auto rows = step.resolve(alignment.direction(step));
      if constexpr (requires { alignment.after_base(step); }) {
        const auto after = step.resolve(alignment.after_base(step));
        after_base = detail::combined_row(after, weights.size());
      }
      GradientList whole;  // tensor by tensor where one call serves nothing, to free as it goes
      if (in_one_call(rows)) {
        whole = detail::combined_row(rows, weights.size());
      }
      for (std::size_t i = 0; i < weights.size(); ++i) {
        hand_over(i, whole.empty() ? detail::combined(rows, i) : std::move(whole[i]));
      }
    } else {
      std::vector<at::Tensor> rows(step.domains());
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto& parameter = weights.parameters()[i];
        bool any = false;
        for (std::size_t k = 0; k < rows.size(); ++k) {
          rows[k] = step.row(domain(k))[i];
          any = any || rows[k].defined();
        }
        for (auto& row : rows) {
          if (!row.defined()) row = parameter.new_zeros(parameter.sizes());
        }
        hand_over(i, any ? alignment.combine(rows) : at::Tensor());
      }
    }
  }

  /// Clips, measures and checks what the base optimizer is about to get.
  void finish_direction(const Step& step, detail::Weights& weights) {
    auto direction = weights.gradients();
    report.direction_norm = detail::norm(direction);
    if (std::isfinite(max_norm)) {
      detail::scale_by(direction, min(max_norm * reciprocal(report.direction_norm), 1.0));
    }
    if (!checks_numbers()) return;
    // Norms first, in one synchronisation; they can overflow where every entry is finite.
    auto numbers = std::move(unread_);
    unread_.clear();
    numbers.insert(numbers.end(), report.ascent_norms.begin(), report.ascent_norms.end());
    const auto of_ascents = static_cast<std::ptrdiff_t>(numbers.size());
    numbers.insert(numbers.end(), step.losses_.begin(), step.losses_.end());
    numbers.push_back(report.direction_norm);
    numbers.push_back(detail::norm(after_base));
    const auto values = Scalar::values(numbers);
    auto finite = [](double value) { return std::isfinite(value); };
    finite_ = std::all_of(values.begin(), values.begin() + of_ascents, finite) &&
              (std::all_of(values.begin() + of_ascents, values.end(), finite) ||
               (detail::all_finite(losses_) && detail::all_finite(direction) &&
                detail::all_finite(after_base)));
  }

  /// Stops a step whose gradient at theta is not finite before it moves; on an accelerator the
  /// check waits for the end of the step, which costs one synchronisation instead of two, and takes
  /// a norm that overflows for a gradient that is not finite.
  void check(Step& step, Row row) {
    if (!checks_numbers()) return;
    const Scalar norm2 = step.dot(row, row);
    if (!norm2.on_host()) {
      unread_.push_back(norm2);
      return;
    }
    // A norm can overflow where every entry is finite.
    finite_ = finite_ && std::isfinite(step.mean_loss().value()) &&
              (std::isfinite(norm2.value()) || detail::all_finite(step.row(row)));
  }

  void measure(Step& step) {
    if (reads(needs, Reads::captured_mean) && step.points_ > 0 && P::at_theta) {
      report.cosine = step.cosine(erm, captured_mean);
    }
    if (step.domains() > 1 ? step.domain_rows_.empty() : !P::at_theta) return;
    for (std::size_t a = 0; a < step.domains(); ++a) {
      auto& row = report.domain_cosines.emplace_back();
      for (std::size_t b = 0; b < step.domains(); ++b) {
        row.push_back(step.cosine(domain(a), domain(b)));
      }
    }
  }

  void commit(Step& step, const detail::Weights& weights) {  // nothing can fail any more
    memory.numbers = std::move(step.pending_);
    weights.remember_gradients(memory);
    for (auto& [name, row] : step.remembered_) memory.rows[name] = std::move(row);
    ++memory.step;
  }

  void undo(detail::Weights& weights, const detail::Protection::Moment& before) {
    weights.restore();
    weights.clear_gradients();
    protection.go_back(before);
  }

  /// Keeps the loss of each domain's first evaluation.
  template <class Objective>
  void note_loss(Step& step, const Objective& objective, std::size_t k, const at::Tensor& loss) {
    if (step.domains_.size() != objective.present().size()) {
      step.domains_ = objective.present();
      step.losses_.resize(step.domains_.size());
    }
    losses_.resize(step.domains());
    auto note = [&](std::size_t d, const at::Tensor& value) {
      if (losses_[d].defined()) return;
      losses_[d] = value.clone();  // the closure may go on with its tensor
      step.losses_[d] = Scalar::of(losses_[d]);
    };
    if (loss.dim() == 0) {
      note(k, loss);
    } else {
      for (std::size_t d = 0; d < step.domains(); ++d) note(d, loss[static_cast<std::int64_t>(d)]);
    }
    report.losses = step.losses_;
  }

  std::vector<at::Tensor> losses_;
  at::Tensor loss_;             ///< their mean
  std::vector<Scalar> unread_;  ///< of gradients at theta, on an accelerator
  bool finite_ = true;
};

}  // namespace v1
}  // namespace roga
