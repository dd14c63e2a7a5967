// SPDX-License-Identifier: MIT
// Policies and a base that each miss one thing. With ROGA_REFUSED they are used, and the compiler
// refuses the line below each "refused:", within forty lines that name the concept and what it
// misses; without it the file compiles. check_refused.cmake reads this file and the compiler's
// word.
#include <iostream>
#include <roga/roga.hpp>

namespace policies_of_a_user {

using roga::CapturedGradient;
using roga::ErmGradient;
using roga::NormalizedAscent;
using roga::Pooled;
using roga::RoGAOptimizer;

struct Base : torch::optim::Optimizer {
  using Optimizer::Optimizer;
  at::Tensor step(LossClosure) override { return {}; }
};
using Accepted = RoGAOptimizer<Base, NormalizedAscent, Pooled, CapturedGradient>;
static_assert(std::derived_from<Accepted, Base>);

// What a policy lacks.

struct AbstractBase : torch::optim::Optimizer {
  using Optimizer::Optimizer;
};
struct AscentWithoutPoint {
  static constexpr roga::Reads reads = roga::Reads::erm;
  static constexpr bool at_theta = true;
  std::size_t points(const roga::Step&) const { return 1; }
};
struct CaptureOfNumbers {
  int slice(const roga::Step&, std::size_t) const { return 0; }
};
struct AlignmentWithoutDirection {
  static constexpr roga::Reads reads = roga::Reads::erm;
};

// What it has, but not as it is used.

struct ChangesAsItValidates : NormalizedAscent {
  void validate() { rho = std::abs(rho); }
};
struct ValidatesForSomebody : Pooled {
  void validate(double) const {}
};
struct AnswersInsteadOfThrowing : ErmGradient {
  bool validate() const { return false; }
};
class ValidatesInPrivate : public CapturedGradient {
  void validate() const {}
};
struct MetricThatChanges {
  void validate() {}
  at::Tensor apply(const at::Tensor&, const at::Tensor& v) const { return v; }
};
using AscentInChangingMetric = roga::NormalizedAscentIn<MetricThatChanges>;
struct HalfAPoint : NormalizedAscent {
  double points(const roga::Step&) const { return 0.5; }
};
struct PointsThatChange : NormalizedAscent {
  std::size_t points(const roga::Step&) { return 1; }
};
struct PointThatChanges : NormalizedAscent {
  roga::Point point(const roga::Step&, std::size_t) { return {}; }
};
struct SliceThatChanges {
  roga::Slice slice(const roga::Step&, std::size_t) { return {}; }
};
struct DirectionThatChanges {
  static constexpr roga::Reads reads = roga::Reads::erm;
  roga::Combination direction(const roga::Step&) { return roga::erm; }
};
struct CombineThatChanges {
  static constexpr roga::Reads reads = roga::Reads::domains;
  at::Tensor combine(std::span<const at::Tensor> rows) { return rows.front(); }
};
struct ReadsOfAnObject : ErmGradient {
  roga::Reads reads = roga::Reads::erm;
};
struct ThetaOfAnObject : NormalizedAscent {
  bool at_theta = true;
};
struct RemembersLessThanNothing : ErmGradient {
  static constexpr int remembers = -1;
};
struct MetricWithoutApply : NormalizedAscent {
  double metric = 2;
};
struct VisitsThatChange : NormalizedAscent {
  std::size_t visits(std::size_t) { return 1; }
};
struct VisitsHalfAPoint : NormalizedAscent {
  static constexpr double visits(std::size_t) { return 0.5; }
};
struct FrequencyAsPeriod : NormalizedAscent {
  int frequency() const { return 10; }
};
struct ShareInWholeNumbers : Pooled {
  static constexpr std::size_t share(std::size_t domains) { return 1 / domains; }
};
struct ReadsByNumber : NormalizedAscent {
  static constexpr unsigned reads_in_effect() { return 1; }
};
struct AfterBaseThatChanges : CapturedGradient {
  roga::Combination after_base(const roga::Step&) { return roga::erm; }
};

struct RadiusInWholeNumbers : roga::NoPerturbation {
  int rho = 1;
};
static_assert(roga::PerturbationPolicy<RadiusInWholeNumbers>);
static_assert(!roga::HasRadius<RadiusInWholeNumbers> && roga::HasRadius<NormalizedAscent>);

// What may be missing, or be anything that can be used.

struct MetricOfAUser final {
  at::Tensor apply(const at::Tensor&, const at::Tensor& v) const { return v; }
};
struct Unusual final : roga::NormalizedAscentIn<MetricOfAUser> {
  int points(roga::Step&) const { return 1; }
  void validate(int = 0) const {}
  static constexpr unsigned remembers = 2;
  static constexpr float frequency() { return 1.0F; }
};
static_assert(roga::PerturbationPolicy<Unusual> && roga::CountedPerturbation<Unusual>);
static_assert(!roga::PerturbationPolicy<int> && !roga::CapturePolicy<int*>);

#ifdef ROGA_REFUSED
namespace refused {
// refused: BaseOptimizer: is_abstract_v
using Case01 = RoGAOptimizer<AbstractBase, NormalizedAscent, Pooled, CapturedGradient>;
// refused: PerturbationPolicy: policy.point(step, j)
using Case02 = RoGAOptimizer<Base, AscentWithoutPoint, Pooled, CapturedGradient>;
// refused: CapturePolicy: policy.slice(step, j)
using Case03 = RoGAOptimizer<Base, NormalizedAscent, CaptureOfNumbers, CapturedGradient>;
// refused: AlignmentPolicy: LinearAlignment
using Case04 = RoGAOptimizer<Base, NormalizedAscent, Pooled, AlignmentWithoutDirection>;
// refused: ValidatesConst: policy.validate()
using Case05 = RoGAOptimizer<Base, ChangesAsItValidates, Pooled, CapturedGradient>;
// refused: ValidatesConst: policy.validate()
using Case06 = RoGAOptimizer<Base, NormalizedAscent, ValidatesForSomebody, CapturedGradient>;
// refused: ValidatesConst: policy.validate()
using Case07 = RoGAOptimizer<Base, NormalizedAscent, Pooled, AnswersInsteadOfThrowing>;
// refused: ValidatesConst: policy.validate()
using Case08 = RoGAOptimizer<Base, NormalizedAscent, Pooled, ValidatesInPrivate>;
// refused: MeasuresInMetric: Metric<decltype(policy.metric)>
using Case09 = RoGAOptimizer<Base, AscentInChangingMetric, Pooled, CapturedGradient>;
// refused: PerturbationPolicy: policy.points(step)
using Case10 = RoGAOptimizer<Base, HalfAPoint, Pooled, CapturedGradient>;
// refused: PerturbationPolicy: policy.points(step)
using Case11 = RoGAOptimizer<Base, PointsThatChange, Pooled, CapturedGradient>;
// refused: PerturbationPolicy: policy.point(step, j)
using Case12 = RoGAOptimizer<Base, PointThatChanges, Pooled, CapturedGradient>;
// refused: CapturePolicy: policy.slice(step, j)
using Case13 = RoGAOptimizer<Base, NormalizedAscent, SliceThatChanges, CapturedGradient>;
// refused: AlignmentPolicy: LinearAlignment
using Case14 = RoGAOptimizer<Base, NormalizedAscent, Pooled, DirectionThatChanges>;
// refused: AlignmentPolicy: ElementwiseAlignment
using Case15 = RoGAOptimizer<Base, NormalizedAscent, Pooled, CombineThatChanges>;
// refused: DeclaresReads: T::reads
using Case16 = RoGAOptimizer<Base, NormalizedAscent, Pooled, ReadsOfAnObject>;
// refused: PerturbationPolicy: T::at_theta
using Case17 = RoGAOptimizer<Base, ThetaOfAnObject, Pooled, CapturedGradient>;
// refused: CountsRemembered: T::remembers
using Case18 = RoGAOptimizer<Base, NormalizedAscent, Pooled, RemembersLessThanNothing>;
// refused: MeasuresInMetric: Metric<decltype(policy.metric)>
using Case19 = RoGAOptimizer<Base, MetricWithoutApply, Pooled, CapturedGradient>;
// refused: CountsVisits: policy.visits(domains)
using Case20 = RoGAOptimizer<Base, VisitsThatChange, Pooled, CapturedGradient>;
// refused: CountsVisits: policy.visits(domains)
using Case21 = RoGAOptimizer<Base, VisitsHalfAPoint, Pooled, CapturedGradient>;
// refused: FrequencyIsShare: policy.frequency()
using Case22 = RoGAOptimizer<Base, FrequencyAsPeriod, Pooled, CapturedGradient>;
// refused: EvaluatesShare: policy.share(domains)
using Case23 = RoGAOptimizer<Base, NormalizedAscent, ShareInWholeNumbers, CapturedGradient>;
// refused: StepsAfterBase: policy.after_base(step)
using Case24 = RoGAOptimizer<Base, NormalizedAscent, Pooled, AfterBaseThatChanges>;
// refused: ReadsLessInEffect: policy.reads_in_effect()
using Case25 = RoGAOptimizer<Base, ReadsByNumber, Pooled, CapturedGradient>;

// Arithmetic with what may be missing.
void combine(roga::Step& step, const roga::StepReport& report) {
  const auto row = step.memory("v");
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(2.0 * row);
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(row + roga::erm);
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(0.5 * roga::erm - row);
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(row + row);
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(-row);
  // refused: TestItThenTakeItsValueWithStar
  static_cast<void>(report.cosine() / 2);
  // refused: Combination
  const roga::Combination direction = row;
  // refused: dot
  static_cast<void>(step.dot(row, roga::erm));
}
}  // namespace refused
#endif

// Prints as it is.
inline void print(roga::Step& step, const roga::StepReport& report) {
  std::cout << report << report.cosine() << step.memory("v") << roga::erm;
}

}  // namespace policies_of_a_user
