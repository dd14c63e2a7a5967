// SPDX-License-Identifier: MIT
// Policies and a base that each miss one thing. With ROGA_REFUSED they are used, and the compiler
// names the concept and what it misses; without it the file compiles.
#include <roga/roga.hpp>

namespace policies_of_a_user {

using roga::CapturedGradient;
using roga::NormalizedAscent;
using roga::Pooled;
using roga::RoGAOptimizer;

struct Base : torch::optim::Optimizer {
  using Optimizer::Optimizer;
  at::Tensor step(LossClosure) override { return {}; }
};
using Accepted = RoGAOptimizer<Base, NormalizedAscent, Pooled, CapturedGradient>;
static_assert(std::derived_from<Accepted, Base>);

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

#ifdef ROGA_REFUSED
using First = RoGAOptimizer<AbstractBase, NormalizedAscent, Pooled, CapturedGradient>;
using Second = RoGAOptimizer<Base, AscentWithoutPoint, Pooled, CapturedGradient>;
using Third = RoGAOptimizer<Base, NormalizedAscent, CaptureOfNumbers, CapturedGradient>;
using Fourth = RoGAOptimizer<Base, NormalizedAscent, Pooled, AlignmentWithoutDirection>;
#endif

}  // namespace policies_of_a_user
