// SPDX-License-Identifier: MIT
// One step, from the first pass to .grad. Only here do weights leave theta and come back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <roga/engine/all_of_them.hpp>
#include <roga/engine/displacement.hpp>
#include <roga/engine/engine.hpp>
#include <roga/engine/finite_check.hpp>
#include <roga/engine/non_finite.hpp>
#include <roga/engine/pass.hpp>
#include <roga/engine/point_check.hpp>
#include <roga/engine/protection.hpp>
#include <roga/engine/record.hpp>
#include <roga/engine/row_plan.hpp>
#include <roga/engine/team.hpp>
#include <roga/engine/weights.hpp>
#include <roga/engine/wire_plan.hpp>
#include <roga/policy/concepts.hpp>
#include <roga/policy/radius_rule.hpp>
#include <roga/policy/step.hpp>
#include <roga/policy/step_data.hpp>
#include <roga/tensor/kernels.hpp>
#include <roga/tensor/torch.hpp>
#include <utility>
#include <vector>

namespace roga {
inline namespace v1 {
namespace detail {

/// What a step leaves besides the direction in .grad.
struct StepResult {
  at::Tensor loss;          ///< mean loss at theta
  GradientList after_base;  ///< subtracted after the base step, times the learning rate
};

/// One step as an object. It names the passes that it needs, one by one. Its driver makes each
/// pass, which leaves gradients in .grad, and hands over the loss:
///
///     StepRun run(engine, groups, loss_scale);
///     run.present(domains);
///     while (auto pass = run.next()) {
///       // forward and backward over the data of *pass, with the weights where they are
///       run.take(k, loss);  // for each piece of the pass
///     }
///     auto result = run.finish(evaluations);
///
/// With a team each rank has such an object, over its own share of the data. The ranks meet in
/// present() and next(), and get the same direction. Drivers need not know of the team: they number
/// the domains among those that this rank has.
///
/// Until finish() has succeeded, its destructor puts everything back: weights, and the buffers and
/// random generators that are protected; the recipe's memory has not changed yet.
template <class P, class C, class A>
class StepRun {
  using Plan = RowPlan<P, C, A>;
  using Travel = WirePlan<P, C, A>;

 public:
  /// @param groups the optimizer's parameter groups
  /// @param loss_scale what a scaler multiplies the losses of backward passes by; with one, numbers
  /// are checked under every rule
  template <class Groups>
  StepRun(Engine<P, C, A>& engine, const Groups& groups, std::optional<double> loss_scale)
      : engine_(engine),
        loss_scale_(loss_scale.value_or(1.0)),
        weights_(groups, engine.state),
        data_(engine.state.step, weights_.size(), engine.state.memories, weights_.ties()),
        check_(engine.settings.non_finite != NonFinite::ignore || loss_scale.has_value(),
               /*closely=*/engine.skipped_in_a_row > 0),
        before_(engine.protection.now()),
        team_(engine.team.get()) {
    record_.step = data_.index;
    if (team_ != nullptr) prepare_roll_call(groups);
    forget_casts();
    engine_.gradients.begin(weights_.parameters());
  }
  StepRun(const StepRun&) = delete;
  StepRun& operator=(const StepRun&) = delete;
  ~StepRun() { give_up(); }

  /// Which domains the step has, by their positions in the caller's list. Called before next(); a
  /// shared forward's are known after its first evaluation, and then before take().
  /// @param listed how many closures the caller's list has, if it is one
  void present(const std::vector<std::size_t>& domains, std::size_t listed = 0) {
    if (team_ != nullptr) return call_roll(domains, listed);
    if (data_.domains.size() == domains.size()) return;
    data_.domains = domains;
    data_.losses.resize(domains.size());
    losses_.resize(domains.size());
  }

  /// Concludes the last pass, moves the weights, and names the next pass; none after the last.
  std::optional<Pass> next() {
    const PlainArithmetic plain;
    auto pass = next_of_all();
    if (team_ == nullptr) return pass;
    while (pass && !is_ours(*pass)) pass = next_of_all();
    return pass;
  }
  /// The weights of this rank's domains in a pass over all of them; empty for their mean.
  const std::vector<double>& weights_of_domains() const { return shares_.weights; }

  /// Takes the gradients that a backward pass left.
  /// @param k the domain among those present, or all_domains
  /// @param loss its loss; of all domains, each one's, [K], or their mean
  void take(std::size_t k, const at::Tensor& loss) {
    const PlainArithmetic plain;
    if (team_ != nullptr && k != all_domains) k = shares_.here.at(k);
    auto row = engine_.gradients.take();
    expect_gradient(row, k);
    scale_by(row, 1.0 / loss_scale_);
    note_loss(k, loss);
    check_.piece(row, here(k));
    if (team_ != nullptr) return take_share(k, std::move(row));
    if (stage_ == Stage::theta && keeps_apart(k)) {
      data_.rows.domains.push_back(row);
      if (!Plan::keeps_erm && !engine_.settings.diagnose) return;
      if (pieces_ == 0) unshare(row);  // the sum begins in it
    }
    add_to(stage_ == Stage::theta ? data_.rows.erm : captured_, std::move(row));
    ++pieces_;
  }

  /// Leaves the direction in .grad and everything else as it was. A step that met a number that is
  /// not finite leaves no direction, and `record.skipped` says so.
  /// @param evaluations how often the driver evaluated the user's losses
  StepResult finish(std::size_t evaluations) {
    const PlainArithmetic plain;
    StepResult result{mean_loss(), {}};
    if (check_.passed()) {
      if (warming_up()) {
        follow_erm();
      } else {
        if (engine_.settings.diagnose) measure();
        align(result.after_base);
      }
      finish_direction(result.after_base);
    }
    record_.evaluations = evaluations;
    record_.points = data_.points;
    record_.skipped = !check_.passed();
    if (record_.skipped) record_.not_finite = check_.place();
    engine_.record = std::move(record_);
    if (check_.passed()) {
      commit();
    } else {
      undo();
    }
    return result;
  }

  /// Puts everything back, unless the step is over. Puts back all that it can, then throws the
  /// first failure.
  void undo() {
    if (std::exchange(over_, true)) return;
    AllOfThem all;
    all.attempt([&] { frozen_.thaw(); });
    all.attempt([&] { weights_.restore(); });
    all.attempt([&] { engine_.gradients.clear(); });
    all.attempt([&] { engine_.protection.go_back(before_); });
    all.finish();
  }

  /// The same while an exception propagates, which a failure here must not replace.
  void give_up() noexcept {
    try {
      undo();
    } catch (...) {  // NOLINT: nor may it end the program
    }
  }

 private:
  enum class Stage : unsigned char { start, theta, points, done };

  std::optional<Pass> next_of_all() {
    settle();
    if (stage_ == Stage::start && (P::at_theta || warming_up())) {
      stage_ = Stage::theta;
      freeze_bystanders();
      const bool by_domain = Plan::keeps_domains || (team_ != nullptr && engine_.settings.diagnose);
      const bool apart = by_domain && !warming_up();
      return Pass{apart ? Pass::Data::each_domain : Pass::Data::pooled, 0, std::nullopt};
    }
    if (stage_ < Stage::points) start_points();
    if (next_point_ < points_ && check_.passed()) {
      if (team_ != nullptr) {
        if (auto pass = next_with_team()) return pass;
      } else {
        move_to_point(next_point_);
        if (check_.passed()) return pass_at(next_point_++);
      }
    }
    if (team_ != nullptr) meet_at_end();
    engine_.gradients.disarm();
    weights_.restore();
    stage_ = Stage::done;
    return std::nullopt;
  }

  bool warming_up() const { return data_.index < engine_.settings.warm_up; }
  Step step_for(Role role) { return {data_, role}; }
  bool is_last(std::size_t j) const { return j + 1 == points_; }
  /// Once a point's pass is over.
  bool visited_last() const { return next_point_ == points_; }

  // 1. theta: the losses, and the rows that the policies read.

  /// Where only the ascent reads the gradient at theta, parameters that do not ascend need none.
  void freeze_bystanders() {
    const Settings& settings = engine_.settings;
    if (!Plan::theta_serves_the_ascent_alone || settings.bystanders == Bystanders::in_graph ||
        settings.diagnose || warming_up()) {
      return;
    }
    for (const auto& parameter : weights_.parameters()) {
      if (!settings.ascends(parameter)) frozen_.add(parameter);
    }
  }
  /// Whether a row at theta is kept as a domain's own; the gradient of a mean is not one.
  bool keeps_apart(std::size_t k) const {
    const bool wanted = Plan::keeps_domains || (engine_.settings.diagnose && k != all_domains);
    return wanted && !warming_up() && data_.domains.size() > 1;
  }
  void check_theta() {
    if (warming_up()) return;
    Step step = step_for(Role::perturbation);
    if (data_.rows.domains.empty()) return check_.gradient(step, erm, of_all());
    for (std::size_t k = 0; k < data_.domains.size(); ++k) {
      check_.gradient(step, domain(k), {.domain = data_.domains[k]});
    }
  }

  // 2. the points: move, evaluate what the capture policy names, keep what the alignment reads.

  void start_points() {
    stage_ = Stage::points;
    if (team_ != nullptr && sends_once()) meets_at_end_ = true;  // even if a rank stops here
    if (!check_.passed() || warming_up()) return;
    Step step = step_for(Role::perturbation);
    points_ = count_of_points(engine_.recipe.perturbation.points(step));
    TORCH_CHECK(
        P::at_theta || points_ > 0,
        "roga: this recipe needs the number of domains before the first pass; give step() a "
        "list of closures, or a SharedForward with its `domains`");
    if (points_ == 0) return;
    if (team_ != nullptr && !Travel::meets_at_each_point) meets_at_end_ = true;
    ascending_ = Ascending(weights_, engine_.settings);
  }

  void move_to_point(std::size_t j) {
    Step step = step_for(Role::perturbation);
    const Point point =
        combined_point_ ? *combined_point_ : Point(engine_.recipe.perturbation.point(step, j));
    check_radius(point.radius, j, data_, engine_.settings.non_finite);
    if constexpr (requires(const P p) { requires Metric<decltype(p.metric)>; }) {
      const bool replaces_gradient = Plan::theta_serves_the_ascent_alone && is_last(j) &&
                                     !engine_.settings.diagnose && point.shift.empty();
      move_along(j, point,
                 MetricDisplacement(engine_.recipe.perturbation.metric, point, data_, ascending_,
                                    weights_, replaces_gradient));
    } else {
      move_along(j, point, EuclideanDisplacement(point, data_, ascending_));
    }
    free_rows(j);
  }
  template <class Displacement>
  void move_along(std::size_t j, const Point& point, Displacement displacement) {
    const Scalar length = displacement.length();
    check_.ascent(length, data_.rows, last_pass_);
    if (!check_.passed()) return;
    const Scalar radius = radius_at(j, point, length);
    if (team_ != nullptr && rows_stay()) note_radius(j, length, radius);
    record_.radii.push_back(radius);
    record_.ascent_norms.push_back(length);
    constexpr double guard = 1e-12;
    weights_.depart(point.from, engine_.settings.backup);
    displacement.apply(weights_, radius * reciprocal(length + guard));
  }
  Scalar radius_at(std::size_t j, const Point& point, const Scalar& length) {
    if constexpr (HasRadiusRule<P>) {
      const RadiusRule& rule = engine_.recipe.perturbation.radius;
      std::optional<std::size_t> domain;
      if (!rule.domain_factors.empty()) domain = domain_of(point, slice_at(j));
      if (domain) domain = data_.domains.at(*domain);
      return ruled_radius(rule, point.radius, length, domain);
    } else {
      return point.radius;
    }
  }

  Slice slice_at(std::size_t j) {
    Step step = step_for(Role::capture);
    const Slice slice = engine_.recipe.capture.slice(step, j);
    TORCH_CHECK(slice.all || slice.domain < data_.domains.size(),
                "roga: the capture policy evaluates domain ", slice.domain, " at point ", j,
                " of a step with ", data_.domains.size(),
                " domains; OwnDomain needs a perturbation with one point per domain");
    return slice;
  }
  Pass pass_at(std::size_t j) {
    const Slice slice = slice_at(j);
    if (slice.all) return {Pass::Data::pooled, 0, j};
    return {Pass::Data::one_domain, slice.domain, j};
  }

  /// Frees the rows that are not read any more, before the next evaluation needs the memory.
  void free_rows(std::size_t j) {
    Rows& rows = data_.rows;
    if (Plan::frees_latest()) rows.latest.clear();
    if (engine_.settings.diagnose) return;
    if (Plan::frees_erm(is_last(j), data_.domains.size())) rows.erm.clear();
    for (std::size_t k = 0; k < rows.domains.size(); ++k) {
      if (Plan::frees_domain(k, j, is_last(j))) rows.domains[k].clear();
    }
  }

  void keep(GradientList row) {
    const bool last = visited_last();
    const std::size_t count = ++data_.points;
    data_.products.forget_captured();
    const bool as_latest = Plan::keeps_latest(last);
    if constexpr (Plan::keeps_captured) data_.rows.captured.push_back(row);
    if (as_latest) data_.rows.latest = row;
    if constexpr (Plan::keeps_captured_mean) {
      auto& mean = data_.rows.captured_mean;
      const bool shared = Plan::keeps_captured || as_latest;
      if (Plan::running_captured_mean) {
        if (shared) unshare(row);
        update_mean(mean, std::move(row), count);
      } else {
        if (count == 1 && shared) unshare(row);
        add_to(mean, std::move(row));
        if (last) divide_by(mean, count);
      }
    }
  }

  /// After a pass: combines its pieces.
  void settle() {
    const std::size_t pieces = std::exchange(pieces_, 0);
    if (team_ != nullptr) return settle_with_team();
    if (stage_ == Stage::theta) {
      divide_by(data_.rows.erm, pieces);
      check_theta();
      frozen_.thaw();
    } else if (stage_ == Stage::points && pieces > 0) {
      divide_by(captured_, pieces);
      keep(std::exchange(captured_, {}));
    }
  }

  // 3. the direction.

  void follow_erm() {
    auto& mean = data_.rows.erm;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      engine_.gradients.set(i, std::move(mean[i]));
    }
  }
  void align(GradientList& after_base) {
    Step step = step_for(Role::alignment);
    auto hand_over = [&](std::size_t i, at::Tensor gradient) {
      engine_.gradients.set(i, std::move(gradient));
      data_.rows.free_all(i);
    };
    const A& alignment = engine_.recipe.alignment;
    if constexpr (LinearAlignment<A>) {
      const auto rows =
          data_.resolve(has_direction_ ? Combination(erm) : Combination(alignment.direction(step)));
      if constexpr (requires { alignment.after_base(step); }) {
        const auto terms = data_.resolve(alignment.after_base(step));
        after_base = combined_row(terms, weights_.size());
        if (terms.size() == 1) unshare(after_base);  // of .grad, which clipping shortens
      }
      GradientList whole;  // tensor by tensor where one call serves nothing, to free as it goes
      if (foreach_serves(rows)) whole = combined_row(rows, weights_.size());
      for (std::size_t i = 0; i < weights_.size(); ++i) {
        hand_over(i, whole.empty() ? combined(rows, i) : std::move(whole[i]));
      }
    } else {
      // The rows of the domains that reach a parameter. The others do not enter its rule, and count
      // as zeros in the mean.
      std::vector<at::Tensor> rows;
      const std::size_t domains = data_.domains.size();
      for (std::size_t i = 0; i < weights_.size(); ++i) {
        rows.clear();
        for (std::size_t k = 0; k < domains; ++k) {
          const auto& row = data_.row(domain(k))[i];
          if (row.defined()) rows.push_back(row);
        }
        at::Tensor gradient;
        if constexpr (requires { alignment.combine(rows, step, i); }) {
          if (!rows.empty()) gradient = alignment.combine(rows, step, i);
        } else {
          if (!rows.empty()) gradient = alignment.combine(rows);
        }
        if (!rows.empty()) expect_like(gradient, rows.front(), i);
        if (!rows.empty() && rows.size() < domains) {
          gradient = gradient.mul(static_cast<double>(rows.size()) / static_cast<double>(domains));
        }
        hand_over(i, std::move(gradient));
      }
    }
  }
  static void expect_like(const at::Tensor& gradient, const at::Tensor& row, std::size_t i) {
    TORCH_CHECK(gradient.defined(), "roga: the alignment policy's combine() returned no tensor ",
                "for parameter ", i, " (counted from 0)");
    TORCH_CHECK(gradient.sizes() == row.sizes() && gradient.scalar_type() == row.scalar_type(),
                "roga: the alignment policy's combine() returned a tensor of ",
                gradient.scalar_type(), gradient.sizes(), " for parameter ", i,
                " (counted from 0), whose gradients are of ", row.scalar_type(), row.sizes());
  }
  /// Clips, measures and checks what the base optimizer is about to get.
  void finish_direction(const GradientList& after_base) {
    auto direction = engine_.gradients.directions();
    Scalar& length = record_.direction_norm;
    length = norm(direction);
    const double most = engine_.settings.max_norm;
    if (std::isfinite(most)) scale_by(direction, min(most * reciprocal(length), 1.0));
    check_.direction(length, direction, after_base,
                     {.numbers = data_.losses, .tensors = losses_, .domains = data_.domains},
                     anywhere());
  }
  void measure() {
    Step step = step_for(Role::alignment);
    if (Plan::keeps_captured_mean && data_.points > 0 && P::at_theta) {
      record_.cosine = step.cosine(erm, captured_mean);
    }
    if (data_.domains.size() > 1 ? data_.rows.domains.empty() : !P::at_theta) return;
    for (std::size_t a = 0; a < data_.domains.size(); ++a) {
      auto& row = record_.domain_cosines.emplace_back();
      for (std::size_t b = 0; b < data_.domains.size(); ++b) {
        row.push_back(step.cosine(domain(a), domain(b)));
      }
    }
  }

  // What passes have in common.

  /// The place of the current pass, over the k-th present domain or over all of them.
  NonFinitePlace here(std::size_t k) {
    NonFinitePlace place = k == all_domains ? of_all() : NonFinitePlace{.domain = data_.domains[k]};
    if (stage_ == Stage::points) place.point = next_point_ - 1;
    const bool pooled = pieces_ > 0 && !(stage_ == Stage::theta && !data_.rows.domains.empty());
    last_pass_ = place;
    if (pooled && data_.domains.size() > 1) last_pass_.domain.reset();
    return place;
  }
  /// Where a direction that is not finite came from, as far as it is known.
  NonFinitePlace anywhere() const {
    NonFinitePlace place = of_all();
    if (data_.points == 1) place.point = 0;
    return place;
  }
  NonFinitePlace of_all() const {
    return data_.domains.size() == 1 ? NonFinitePlace{.domain = data_.domains[0]}
                                     : NonFinitePlace{};
  }
  /// A pass that leaves no gradient at all comes from a closure without backward(), or over another
  /// model. A domain that gave gradients in an earlier step may give none: its parameters may be
  /// frozen by now.
  /// @param k the domain among those present
  void expect_gradient(const GradientList& row, std::size_t k) {
    auto& gave = engine_.state.gave_gradients;
    const std::size_t first = team_ == nullptr ? 0 : shares_.here.front();
    const std::size_t id = data_.domains[k == all_domains ? first : k];
    if (gave.size() <= id) gave.resize(id + 1, engine_.state.resumed);
    if (gives_now_.size() <= id) gives_now_.resize(id + 1, false);
    bool any = row.empty();
    for (const auto& gradient : row) any = any || gradient.defined();
    const bool may_rest = gave[id] && !gives_now_[id] && !engine_.gradients.idle();
    TORCH_CHECK(any || may_rest, "roga: the pass over ",
                k == all_domains ? std::string("all domains") : c10::str("domain ", id),
                " left no gradient in any parameter of this optimizer: call backward() in each "
                "pass, after zero_grad(), on a loss that depends on these parameters");
    if (any) gave[id] = gives_now_[id] = true;
  }
  /// Keeps the loss of each domain's first evaluation.
  void note_loss(std::size_t k, const at::Tensor& loss) {
    const bool first = stage_ == Stage::theta || !P::at_theta;
    const NonFinitePlace place = here(k);
    auto note = [&](std::size_t d, const at::Tensor& value) {
      NonFinitePlace own = place;
      own.domain = data_.domains[d];
      if (!first || losses_[d].defined()) return check_.loss(value, own);
      losses_[d] = value.clone();  // the closure may reuse its tensor
      data_.losses[d] = Scalar::of(losses_[d]);
      if (team_ != nullptr) own_losses_[d] = data_.losses[d].value();
      if (!std::isfinite(data_.losses[d].known())) check_.loss(losses_[d], own);
    };
    if (k != all_domains) {
      note(k, loss);
    } else if (first && team_ != nullptr) {
      note_share_of_losses(loss, note);
    } else if (first) {
      const bool each = loss.dim() > 0;
      if (!each && !losses_.front().defined()) data_.losses_are_their_mean = true;
      for (std::size_t d = 0; d < losses_.size(); ++d) {
        note(d, each ? loss[static_cast<std::int64_t>(d)] : loss);
      }
    } else {
      check_.loss(loss.dim() > 0 ? loss.mean() : loss, place);
    }
    record_.losses = data_.losses;
  }
  /// The mean over all domains; if the step stopped early, over those that it evaluated.
  at::Tensor mean_loss() const {
    std::vector<at::Tensor> known;
    for (const auto& loss : losses_) {
      if (loss.defined()) known.push_back(known.empty() ? loss : loss.to(known[0].device()));
    }
    TORCH_CHECK(known.size() == losses_.size() || !check_.passed(), "roga: this recipe evaluated ",
                known.size(), " of ", losses_.size(),
                " domains; the points of its capture policy must evaluate every domain");
    const bool one = known.size() == 1 || data_.losses_are_their_mean;
    return one ? known.front() : at::stack(known).mean();
  }

  // With a team: this rank's share of each row, and the meetings where they are added up.

  bool ascends_locally() const { return team_->ascends_locally(); }
  /// Whether each domain's row is needed only on the rank that has the domain.
  bool rows_stay() const {
    return Travel::rows_may_stay && team_->placement() == Placement::domains &&
           !ascends_locally() && !engine_.settings.diagnose && data_.domains.size() > 1 &&
           !warming_up();
  }
  /// Whether the ranks exchange rows only once, for the direction.
  bool sends_once() const {
    return Travel::sends_once(engine_.recipe.perturbation, team_->placement()) && rows_stay();
  }
  bool domains_apart() const {
    return (Plan::keeps_domains || engine_.settings.diagnose) && !warming_up() &&
           data_.domains.size() > 1;
  }
  bool has_domain(std::size_t k) const {
    return std::binary_search(shares_.here.begin(), shares_.here.end(), k);
  }

  template <class Groups>
  void prepare_roll_call(const Groups& groups) {
    const Settings& settings = engine_.settings;
    Fingerprint print;
    for (const double number :
         {static_cast<double>(team_->placement()), static_cast<double>(ascends_locally()),
          static_cast<double>(settings.non_finite), static_cast<double>(settings.diagnose),
          static_cast<double>(settings.warm_up), settings.max_norm,
          static_cast<double>(settings.only.size()), static_cast<double>(settings.bystanders),
          loss_scale_}) {
      print.add(number);
    }
    print.add(static_cast<double>(Travel::read_by(engine_.recipe.perturbation)));
    for (const double factor : settings.group_factors) print.add(factor);
    if constexpr (HasRadius<P>) print.add(static_cast<double>(engine_.recipe.perturbation.rho));
    for (const double rate : learning_rates(groups)) print.add(rate);
    roll_ = {.step = data_.index,
             .parameters = fingerprint(weights_.parameters()),
             .settings = print.value(),
             .listed = 0,
             .tensors = weights_.size(),
             .tells_radii = Travel::rows_may_stay && team_->placement() == Placement::domains};
    team_->begin();
  }
  void call_roll(const std::vector<std::size_t>& domains, std::size_t listed) {
    if (std::exchange(met_, true)) return;
    const PlainArithmetic plain;
    roll_.listed = listed;
    shares_ = team_->call_roll(roll_, domains);
    data_.domains = shares_.domains;
    const std::size_t count = data_.domains.size();
    data_.losses.resize(count);
    losses_.resize(count);
    seen_.resize(count, false);
    own_losses_.resize(count, 0.0);
    lengths_.resize(count, 0.0);
    radii_.resize(count, 0.0);
    meets_at_end_ = ascends_locally();
  }

  /// Whether a pass is over data of this rank. If so, numbers its domain among the rank's own.
  bool is_ours(Pass& pass) {
    if (!met_) return true;  // a shared forward, whose domains are not known yet
    if (pass.data != Pass::Data::one_domain) return !shares_.here.empty();
    const auto found = std::lower_bound(shares_.here.begin(), shares_.here.end(), pass.domain);
    if (found == shares_.here.end() || *found != pass.domain) return false;
    pass.domain = static_cast<std::size_t>(found - shares_.here.begin());
    return true;
  }
  std::optional<Pass> next_with_team() {
    const std::size_t j = next_point_;
    const Slice slice = slice_at(j);
    if (rows_stay() && !has_domain(slice.domain)) {
      free_rows(j);
    } else {
      move_to_point(j);
      if (!check_.passed()) return std::nullopt;
    }
    ++next_point_;
    visiting_ = true;
    point_is_pooled_ = slice.all;
    point_share_ = slice.all ? shares_.own : shares_.of_domain[slice.domain];
    for (std::size_t k = 0; k < seen_.size(); ++k) {
      if (slice.all || k == slice.domain) seen_[k] = true;
    }
    if (slice.all) return Pass{Pass::Data::pooled, 0, j};
    return Pass{Pass::Data::one_domain, slice.domain, j};
  }

  void note_share_of_losses(const at::Tensor& loss, const auto& note) {
    const bool each = loss.dim() > 0;
    if (!each && !losses_[shares_.here.front()].defined()) own_mean_alone_ = true;
    if (own_mean_alone_) data_.losses_are_their_mean = true;
    for (std::size_t d = 0; d < shares_.here.size(); ++d) {
      note(shares_.here[d], each ? loss[static_cast<std::int64_t>(d)] : loss);
    }
  }
  void note_radius(std::size_t j, const Scalar& length, const Scalar& radius) {
    lengths_[slice_at(j).domain] = length.value();
    radii_[slice_at(j).domain] = radius.value();
  }
  /// sum <- sum + factor row; the row stays as it is
  void add_share(GradientList& sum, const GradientList& row, double factor) const {
    GradientList part = combined_row({{&row, factor}}, weights_.size());
    if (factor == 1.0 && sum.empty()) unshare(part);
    add_to(sum, std::move(part));
  }
  /// With global ascents a row is this rank's share of the sum over all ranks. With local ascents
  /// it is the rank's own until the meeting at the end.
  /// @param k the domain among all that are present, or all_domains
  void take_share(std::size_t k, GradientList row) {
    const bool whole = k == all_domains;
    const double of_mean = whole ? shares_.own : shares_.of_mean(k);
    const double of_own = shares_.own > 0 ? of_mean / shares_.own : 1.0;
    const double in_mean = ascends_locally() ? of_own : of_mean;
    ++pieces_;
    if (stage_ == Stage::theta && domains_apart() && !whole) {
      auto& mine = data_.rows.domains;
      mine.resize(data_.domains.size());
      const bool mean_is_summed = ascends_locally() || rows_stay();
      if (mean_is_summed && (Plan::keeps_erm || engine_.settings.diagnose)) {
        add_share(data_.rows.erm, row, in_mean);
      }
      if (!ascends_locally()) scale_by(row, shares_.of_domain[k]);
      mine[k] = std::move(row);
      return;
    }
    double factor = in_mean;
    if (stage_ == Stage::points && !whole && !point_is_pooled_) {
      factor = ascends_locally() ? 1.0 : shares_.of_domain[k];
    }
    scale_by(row, factor);
    add_to(stage_ == Stage::theta ? data_.rows.erm : captured_, std::move(row));
  }

  void settle_with_team() {
    if (stage_ == Stage::theta) {
      gather_at_theta();
      if (check_.passed()) check_theta();
      frozen_.thaw();
    } else if (std::exchange(visiting_, false)) {
      auto row = std::exchange(captured_, {});
      row.resize(weights_.size());
      if (ascends_locally()) return keep_own(std::move(row));
      if (Travel::meets_at_each_point && !meet({&row})) return;
      keep(std::move(row));
    }
  }
  void gather_at_theta() {
    auto& rows = data_.rows;
    const bool apart = domains_apart();
    seen_.assign(seen_.size(), true);
    rows.erm.resize(weights_.size());  // of a rank without data, too
    if (apart) rows.domains.resize(data_.domains.size());
    for (auto& row : rows.domains) row.resize(weights_.size());
    const bool keeps_mean = Plan::keeps_erm || engine_.settings.diagnose;
    if (apart && !keeps_mean) rows.erm.clear();
    if (ascends_locally()) return ascend_by_own_losses();
    if constexpr (Travel::combines_at_theta) {
      if (apart && !engine_.settings.diagnose) return combine_at_theta();
    }
    std::vector<GradientList*> travel;
    if (apart && !rows_stay()) {
      for (auto& row : rows.domains) travel.push_back(&row);
    } else if (!rows.erm.empty() && !sends_once()) {
      travel.push_back(&rows.erm);
    }
    if (!meet(travel) || sends_once()) return;
    if (apart && !rows_stay() && keeps_mean) {
      rows.erm = copies(rows.domains.front());
      for (std::size_t k = 1; k < rows.domains.size(); ++k) {
        add_to(rows.erm, GradientList(rows.domains[k]));
      }
      divide_by(rows.erm, rows.domains.size());
    }
    if (rows_stay() && keeps_mean) {  // all ranks see it if one row is not finite
      Step step = step_for(Role::perturbation);
      check_.gradient(step, erm, of_all());
    }
  }
  /// Once the losses are agreed on, each rank combines its shares of the domains' rows.
  void combine_at_theta() {
    auto& rows = data_.rows;
    std::vector<GradientList*> shares;
    for (auto& row : rows.domains) shares.push_back(&row);
    const auto agreed = tell(shares);
    if (!agreed.passed) return;
    if constexpr (Travel::direction_from_losses) {
      add_up_direction(agreed.reached);
    } else {
      Step step = step_for(Role::perturbation);
      combined_point_ = engine_.recipe.perturbation.point(step, 0);
      const auto direction = std::exchange(combined_point_->direction, Combination(erm));
      add_up_combined(direction, agreed.reached);
    }
  }
  /// Puts the direction in the place of the mean gradient at theta.
  void add_up_direction(const std::vector<bool>& reached) {
    Step step = step_for(Role::alignment);
    if constexpr (LinearAlignment<A>) {
      add_up_combined(engine_.recipe.alignment.direction(step), reached);
    }
    has_direction_ = true;
  }
  void add_up_combined(const Combination& combination, const std::vector<bool>& reached) {
    const auto terms = data_.resolve(combination);
    GradientList sum = combined_row(terms, weights_.size());
    if (terms.size() == 1) unshare(sum);
    data_.rows = {};
    data_.rows.erm = std::move(sum);
    team_->add_up({&data_.rows.erm}, weights_.parameters(), reached);
  }
  /// In a local ascent, a domain of another rank has the mean loss of this rank's domains.
  void ascend_by_own_losses() {
    double mean = 0;
    for (const std::size_t k : shares_.here) mean += own_losses_[k] / count_here();
    for (std::size_t k = 0; k < data_.losses.size(); ++k) {
      if (!has_domain(k)) data_.losses[k] = mean;
    }
  }
  double count_here() const { return static_cast<double>(shares_.here.size()); }
  /// Keeps a row of a local ascent: the rank's own for policies that read it before the end, and
  /// its share for the mean.
  void keep_own(GradientList row) {
    const bool last = visited_last();
    ++data_.points;
    data_.products.forget_captured();
    point_shares_.push_back(point_share_);
    if constexpr (Plan::keeps_captured_mean) {
      auto& mean = data_.rows.captured_mean;
      add_share(mean, row, point_share_);
      if (last) divide_by(mean, data_.points);
    }
    if (Plan::keeps_latest(last)) data_.rows.latest = Plan::keeps_captured ? copies(row) : row;
    if constexpr (Plan::keeps_captured) data_.rows.captured.push_back(std::move(row));
  }

  /// After the last point, or if there is none: adds up the rest.
  void meet_at_end() {
    if (std::exchange(meets_at_end_, false)) {
      auto& rows = data_.rows;
      std::vector<GradientList*> travel;
      const bool visited = data_.points > 0;
      if (rows_stay()) check_.read();  // what the others do not see
      if (ascends_locally()) {
        if (check_.passed()) travel = shares_of_own_rows();
      } else if (Plan::keeps_captured_mean && check_.passed() && visited) {
        travel.push_back(&rows.captured_mean);
        if (sends_once()) travel.push_back(&rows.erm);
      }
      const bool combines = Travel::combines_rows && !warming_up() && !engine_.settings.diagnose &&
                            (ascends_locally() || sends_once());
      if (combines && !travel.empty()) {
        const auto agreed = tell(travel);
        if (agreed.passed) add_up_direction(agreed.reached);
      } else {
        meet(travel);
      }
      if (ascends_locally()) data_.products = {};
      if (rows_stay() && check_.passed()) tell_radii();
    }
    team_->end();
  }
  /// The rows of a step with local ascents that the alignment reads.
  std::vector<GradientList*> shares_of_own_rows() {
    auto& rows = data_.rows;
    std::vector<GradientList*> travel;
    auto share = [&](GradientList& row, double factor) {
      row.resize(weights_.size());
      scale_by(row, factor);
      travel.push_back(&row);
    };
    const bool diagnose = engine_.settings.diagnose && P::at_theta && !warming_up();
    const bool alone = Plan::aligns_domains && data_.domains.size() == 1;
    if (warming_up() || reads(A::reads, Reads::erm) || alone || diagnose) {
      share(rows.erm, shares_.own);
    }
    if (warming_up()) return travel;
    if (Plan::aligns_domains || diagnose) {
      for (std::size_t k = 0; k < rows.domains.size(); ++k) {
        share(rows.domains[k], shares_.of_domain[k]);
      }
    }
    if (data_.points == 0) return travel;
    if (reads(A::reads, Reads::captured)) {
      for (std::size_t j = 0; j < rows.captured.size(); ++j) {
        share(rows.captured[j], point_shares_[j]);
      }
    }
    if (Plan::keeps_captured_mean && (reads(A::reads, Reads::captured_mean) || diagnose)) {
      travel.push_back(&rows.captured_mean);
    }
    if (reads(A::reads, Reads::latest)) share(rows.latest, point_shares_.back());
    return travel;
  }

  /// Tells the others this rank's losses and whether its numbers are finite, and adds rows up.
  /// @return false if the step ends here
  bool meet(const std::vector<GradientList*>& travel) {
    const auto agreed = tell(travel);
    if (!agreed.passed) return false;
    if (!travel.empty()) team_->add_up(travel, weights_.parameters(), agreed.reached);
    return true;
  }
  /// The same, without adding rows up.
  Team::Agreement tell(const std::vector<GradientList*>& travel) {
    const std::size_t count = data_.domains.size();
    std::vector<double> mine(team_->numbers(), 0.0);
    for (const std::size_t k : shares_.here) {
      if (!losses_[k].defined()) continue;
      mine[k] = shares_.of_domain[k] * own_losses_[k];
      mine[count] += shares_.of_mean(k) * own_losses_[k];
    }
    mine[count + 1] = own_mean_alone_ ? 1.0 : 0.0;
    if (roll_.tells_radii) {
      std::copy(lengths_.begin(), lengths_.end(), mine.begin() + at_radii());
      std::copy(radii_.begin(), radii_.end(), mine.end() - static_cast<std::ptrdiff_t>(count));
    }
    auto agreed = team_->meet(check_.passed(), check_.place(), std::move(mine), travel);
    check_.agree(agreed.passed, agreed.place);
    agree_on_losses(agreed.numbers);
    if (roll_.tells_radii) {
      const auto first = agreed.numbers.begin() + at_radii();
      const auto middle = first + static_cast<std::ptrdiff_t>(count);
      lengths_.assign(first, middle);
      radii_.assign(middle, agreed.numbers.end());
    }
    return agreed;
  }
  std::ptrdiff_t at_radii() const { return static_cast<std::ptrdiff_t>(data_.domains.size()) + 2; }
  void agree_on_losses(const std::vector<double>& numbers) {
    const std::size_t count = data_.domains.size();
    const bool mean_alone = numbers[count + 1] > 0;
    data_.losses_are_their_mean = data_.losses_are_their_mean || mean_alone;
    const auto type = widened(at::empty({0}, loss_options())).options();
    for (std::size_t k = 0; k < count; ++k) {
      if (!seen_[k]) continue;
      const double loss = mean_alone ? numbers[count] : numbers[k];
      losses_[k] = at::empty({}, type).fill_(loss);
      data_.losses[k] = loss;
    }
    record_.losses = data_.losses;
  }
  at::TensorOptions loss_options() const {
    const auto& x = weights_.parameters().front();
    return at::TensorOptions().device(x.device()).dtype(at::toRealValueType(x.scalar_type()));
  }
  void tell_radii() {
    record_.ascent_norms.assign(lengths_.begin(), lengths_.end());
    record_.radii.assign(radii_.begin(), radii_.end());
  }

  void commit() {  // nothing can fail any more
    State& state = engine_.state;
    for (std::size_t r = 0; r < role_count; ++r) {
      state.memories[r].numbers = std::move(data_.pending[r].numbers);
      for (auto& [name, row] : data_.pending[r].rows) {
        state.memories[r].rows[name] = std::move(row);
      }
    }
    ++state.step;
    over_ = true;
  }

  Engine<P, C, A>& engine_;
  StepRecord record_;
  double loss_scale_;
  Weights weights_;
  StepData data_;
  FiniteCheck check_;
  Protection::Moment before_;
  Frozen frozen_;
  Ascending ascending_;
  std::vector<at::Tensor> losses_;  ///< by domain, as the closures returned them
  GradientList captured_;           ///< the sum of what the current pass has taken
  std::size_t pieces_ = 0;          ///< how many gradients that is
  NonFinitePlace last_pass_;
  std::vector<bool> gives_now_;  ///< by domain: whether a pass of this step left a gradient
  std::size_t points_ = 0;
  std::size_t next_point_ = 0;
  Stage stage_ = Stage::start;
  bool over_ = false;  ///< committed or undone

  // With a team.
  Team* team_;
  RollCall roll_;
  Shares shares_;
  bool met_ = false;            ///< the roll has been called
  bool meets_at_end_ = false;   ///< a meeting after the last point is due
  bool has_direction_ = false;  ///< in the place of the mean gradient at theta
  std::optional<Point> combined_point_;
  bool visiting_ = false;   ///< a pass at a point goes on, on this rank or others
  std::vector<bool> seen_;  ///< by domain: whether a rank has evaluated it
  std::vector<double> own_losses_;
  bool own_mean_alone_ = false;  ///< this rank's pooled closure gave its mean loss alone
  bool point_is_pooled_ = false;
  double point_share_ = 1;  ///< of this rank in the gradient of the current point
  std::vector<double> point_shares_;
  std::vector<double> lengths_;  ///< of ascents, by domain, where other ranks make them
  std::vector<double> radii_;
};

/// A step whose passes `objective` makes.
template <class P, class C, class A, class Groups, class Objective>
StepResult run_step(Engine<P, C, A>& engine, const Groups& groups, Objective& objective,
                    std::optional<double> loss_scale) {
  StepRun<P, C, A> run(engine, groups, loss_scale);
  if (engine.team) {
    objective.weigh([&](const std::vector<std::size_t>& present) {
      run.present(present);
      return run.weights_of_domains();
    });
  }
  if (!engine.team || objective.knows_present()) {
    run.present(objective.present(), objective.listed());
  }
  while (const auto pass = run.next()) {
    objective.evaluate(*pass, [&](std::size_t k, const at::Tensor& loss) {
      run.present(objective.present());
      run.take(k, loss);
    });
  }
  return run.finish(objective.evaluations());
}

}  // namespace detail
}  // namespace v1
}  // namespace roga
