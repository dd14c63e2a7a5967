// SPDX-License-Identifier: MIT
// Policies and a base that each miss one thing. ROGA_REFUSED picks the one that is used; without it
// the file compiles.
#include <roga/roga.hpp>

namespace {

struct Base : torch::optim::Optimizer {
  using Optimizer::Optimizer;
  at::Tensor step(LossClosure) override { return {}; }
};

struct AscentWithoutPoint {
  static constexpr roga::Reads reads = roga::Reads::erm;
  static constexpr bool at_theta = true;
  std::size_t points(const roga::Step&) const { return 1; }
};
struct CaptureWithWrongSlice {
  int slice(const roga::Step&, std::size_t) const { return 0; }
};
struct AlignmentWithoutDirection {
  static constexpr roga::Reads reads = roga::Reads::erm;
};
struct AbstractBase : torch::optim::Optimizer {
  using Optimizer::Optimizer;
};

using roga::CapturedGradient;
using roga::NormalizedAscent;
using roga::Pooled;
using roga::RoGAOptimizer;

#if ROGA_REFUSED == 1
using Refused = RoGAOptimizer<Base, AscentWithoutPoint, Pooled, CapturedGradient>;
#elif ROGA_REFUSED == 2
using Refused = RoGAOptimizer<Base, NormalizedAscent<>, CaptureWithWrongSlice, CapturedGradient>;
#elif ROGA_REFUSED == 3
using Refused = RoGAOptimizer<Base, NormalizedAscent<>, Pooled, AlignmentWithoutDirection>;
#elif ROGA_REFUSED == 4
using Refused = RoGAOptimizer<AbstractBase, NormalizedAscent<>, Pooled, CapturedGradient>;
#else
using Accepted = RoGAOptimizer<Base, NormalizedAscent<>, Pooled, CapturedGradient>;
static_assert(sizeof(Accepted) > sizeof(Base));
#endif

}  // namespace
