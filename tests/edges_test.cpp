// SPDX-License-Identifier: MIT
// At the edges: parameters listed twice, gradients too small for their type, half precision,
// compositions that do not fit, optimizers of the user's own.
#include <roga/diagnostics/conflict.hpp>
#include <roga/diagnostics/hessian.hpp>
#include <roga/diagnostics/sharpness.hpp>
#include <sstream>

#include "support/problems.hpp"
#include "support/test.hpp"

using problems::leaf;
using problems::Network;
using problems::Parameters;
using roga::recipe;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// A closure whose gradient is `values` wherever w is.
roga::LossClosure constant(const at::Tensor& w, const std::vector<double>& values) {
  return [w, values]() mutable {
    w.mutable_grad() = torch::tensor(values, at::kDouble).to(w.scalar_type());
    return torch::ones({}, at::kFloat);
  };
}

/// The direction of one step.
template <class Recipe>
at::Tensor direction(Recipe how, const at::Tensor& w, std::vector<roga::LossClosure> closures) {
  auto optimizer = roga::wrap<Sgd>(how, Parameters{w}, torch::optim::SGDOptions(0.0));
  optimizer.step(std::move(closures));
  CHECK_FALSE(optimizer.last_step().skipped());
  return w.grad().to(at::kDouble);
}

/// What a call says that fails.
template <class Call>
std::string message(Call&& call) {
  try {
    call();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "nothing";
}

/// A base of a user's own whose options know neither a learning rate nor serialize().
struct OwnOptions : torch::optim::OptimizerCloneableOptions<OwnOptions> {};
class OwnBase : public torch::optim::Optimizer {
 public:
  explicit OwnBase(Parameters parameters, int evaluations = 1)
      : Optimizer(std::move(parameters), std::make_unique<OwnOptions>()),
        evaluations_(evaluations) {}
  at::Tensor step(LossClosure closure) override {
    at::Tensor loss;
    for (int i = 0; i < evaluations_; ++i) {
      {
        const c10::AutoGradMode enable(true);
        loss = closure();
      }
      const c10::NoGradGuard no_grad;
      for (auto& parameter : param_groups()[0].params()) parameter.sub_(parameter.grad(), 0.1);
    }
    return loss;
  }
  void save(torch::serialize::OutputArchive&) const override {}
  void load(torch::serialize::InputArchive&) override {}

 private:
  int evaluations_;
};

}  // namespace

TEST_CASE("edges: a parameter listed twice trains as the base trains it", "[edges]") {
  auto trained = [](bool in_two_groups, auto&& make) {
    auto w = leaf({1, -2});
    std::vector<torch::optim::OptimizerParamGroup> groups;
    if (in_two_groups) {
      groups.emplace_back(Parameters{w});
      groups.emplace_back(Parameters{w});
    } else {
      groups.emplace_back(Parameters{w, w});
    }
    auto optimizer = make(groups);
    for (int step = 0; step < 3; ++step) {
      optimizer.step([&] {
        optimizer.zero_grad();
        auto loss = (w * w).sum() + (w * w * w * w).sum();
        loss.backward();
        return loss;
      });
    }
    return w.detach().clone();
  };
  const torch::optim::SGDOptions options(.01);
  for (const bool in_two_groups : {false, true}) {
    const auto plain = trained(in_two_groups, [&](auto groups) { return Sgd(groups, options); });
    auto robust = [&](auto how) {
      return trained(in_two_groups,
                     [&](auto groups) { return roga::wrap<Sgd>(how, groups, options); });
    };
    CHECK(problems::same_bits(robust(recipes::sam({.rho = 0})), plain));
    CHECK_FALSE(problems::same_bits(plain, leaf({1, -2}).detach()));
    // The ascent is made: at radius .5 the gradient is another one.
    CHECK(problems::deviation({robust(recipes::sam({.rho = .5}))}, {plain}) > 1e-2);
  }
}

TEST_CASE("edges: the loss that step returns is the closure's at that moment", "[edges]") {
  auto w = leaf({1});
  auto total = torch::zeros({}, at::kDouble);
  auto accumulate = [&] {
    total.zero_();
    for (const double target : {0., 3.}) {
      auto loss = (w - target).square().sum();
      loss.backward();
      total += loss.detach();
    }
    return total;
  };
  auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = .5}), {w}, torch::optim::SGDOptions(0.1));
  CHECK(optimizer.step(accumulate).item<double>() == 5);
  auto phased = roga::wrap<Sgd>(recipes::sam({.rho = .5}), {w}, torch::optim::SGDOptions(0.));
  const double here = (w.item<double>() * w.item<double>()) + std::pow(w.item<double>() - 3, 2);
  auto step = phased.phases();
  while (step.ascend(accumulate())) {
  }
  CHECK(step.descend().item<double>() == Approx(here));
}

TEST_CASE("edges: directions stay right where a domain's gradient is too small for its type",
          "[edges]") {
  const auto type = at::kFloat;
  for (const double tiny : {1e-23, 3e-23, 1e-30}) {
    auto w = leaf({0, 0}, type);
    auto both = [&](auto how, double size) {
      return direction(how, w, {constant(w, {size, size / 2}), constant(w, {-tiny, 0})});
    };
    // As a gradient of zero: PCGrad's mean of (1, .5) and 0, MGDA's shortest vector.
    const auto half = torch::tensor({.5, .25}, at::kDouble);
    CHECK((both(recipes::pcgrad(), 1) - half).abs().max().item<double>() < 1e-6);
    CHECK((both(recipes::pcgrad(), 1e18) / 1e18 - half).abs().max().item<double>() < 1e-6);
    CHECK(both(recipes::mgda(), 1).abs().max().item<double>() < 1e-6);
    CHECK(both(recipes::cagrad(), 1).isfinite().all().item<bool>());
    CHECK(both(recipes::grad_vac(), 1).isfinite().all().item<bool>());
  }
  auto w = leaf({0, 0});
  const auto pull =
      direction(recipes::cagrad(), w, {constant(w, {1, .5}), constant(w, {-1e-100, 0})});
  CHECK(pull.isfinite().all().item<bool>());
  // A factor beyond float32 is taken in float64.
  auto u = leaf({0, 0}, type);
  const auto far =
      direction(recipes::pcgrad(), u, {constant(u, {1e20, 1}), constant(u, {-1e-18, 1e-18})});
  CHECK(far.isfinite().all().item<bool>());
}

TEST_CASE("edges: a reused direction is none where the ascent found nothing across", "[edges]") {
  // On a linear loss q = g: LookSAM is the base optimizer.
  auto norms = [](auto how, at::ScalarType type) {
    torch::manual_seed(5);
    auto w = torch::randn({1000}, type).requires_grad_();
    const auto slope = torch::randn({1000}, type);
    const double length = slope.norm().item<double>();
    auto optimizer = roga::wrap<Sgd>(how, Parameters{w}, torch::optim::SGDOptions(0.1));
    double worst = 0;
    for (int step = 0; step < 6; ++step) {
      optimizer.step([&] {
        auto loss = w.dot(slope);
        loss.backward();
        return loss;
      });
      worst = std::fmax(worst, std::fabs(w.grad().norm().item<double>() / length - 1));
    }
    return worst;
  };
  for (const auto type : {at::kFloat, at::kDouble}) {
    CHECK(norms(recipes::looksam({.rho = .1, .k = 3}), type) < 1e-5);
    CHECK(norms(recipes::roga_periodic({.rho = .1, .k = 3}), type) < 1e-5);
  }
  // With radius 0 they are the base, bit for bit.
  auto with_radius_0 = [](auto how, at::ScalarType type) {
    Network robust(1, type);
    Network plain(1, type);
    auto optimizer = roga::wrap<Sgd>(how, robust.parameters(), torch::optim::SGDOptions(0.1));
    Sgd base(plain.parameters(), torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 6; ++step) {
      optimizer.step(robust.closure(0));
      base.step(plain.closure(0));
    }
    return problems::same_bits(robust.parameters(), plain.parameters());
  };
  for (const auto type : {at::kFloat, at::kDouble}) {
    CHECK(with_radius_0(recipes::looksam({.rho = 0, .k = 2}), type));
    CHECK(with_radius_0(recipes::roga_periodic({.rho = 0, .alpha = 0, .k = 2}), type));
  }
}

TEST_CASE("edges: Group DRO's weights come back from underflow", "[edges]") {
  auto w = leaf({1});
  auto optimizer =
      roga::wrap<Sgd>(recipes::group_dro({.eta = 1}), {w}, torch::optim::SGDOptions(0.0));
  auto domain = [&](double loss, double slope) -> roga::LossClosure {
    return [&w, loss, slope]() mutable {
      w.mutable_grad() = torch::full({1}, slope, at::kDouble);
      return torch::full({}, loss, at::kDouble);
    };
  };
  for (int step = 0; step < 3; ++step) optimizer.step({domain(0, 1), domain(800, 2)});
  CHECK(w.grad().item<double>() == 2);
  optimizer.step({domain(0, 1), {}});  // its weight had vanished beside the other's
  CHECK_FALSE(optimizer.last_step().skipped());
  CHECK(w.grad().item<double>() == 1);
  for (int step = 0; step < 3; ++step) optimizer.step({domain(800, 1), domain(0, 2)});
  CHECK(w.grad().item<double>() == Approx(1).epsilon(1e-9));
}

TEST_CASE("edges: half precision keeps small masks and moves", "[edges]") {
  auto w = leaf({.02}, at::kHalf);
  // Three of four signs agree: the margin is exactly 0, and so is the mask.
  std::vector<roga::LossClosure> closures;
  for (const double sign : {1., 1., 1., -1.}) closures.push_back(constant(w, {sign * 1e-4}));
  CHECK(direction(recipes::sand_mask({.tau = .5}), w, closures).item<double>() == 0);
  CHECK(direction(recipes::and_mask({.tau = .5}), w, closures).item<double>() ==
        Approx(5e-5).epsilon(1e-2));

  auto moved = [](auto how, double start, double slope) {
    auto v = leaf({start}, at::kHalf);
    double farthest = 0;
    auto optimizer = roga::wrap<Sgd>(how, Parameters{v}, torch::optim::SGDOptions(0.0));
    optimizer.step([&] {
      farthest = std::fmax(farthest, std::fabs(v.item().toDouble() - start));
      return constant(v, {slope})();
    });
    return farthest;
  };
  // T^2 g / |T g| = |theta| + eta for one number.
  CHECK(moved(recipes::asam({.rho = .25, .eta = .01}), .02, 1e-5) == Approx(.0075).epsilon(.02));
  // F g / sqrt(g F g) = 1 / sqrt(1 + eta g^2)
  CHECK(moved(recipes::fisher_sam({.rho = .3, .eta = .2}), 0, 300) ==
        Approx(.3 / std::sqrt(1 + .2 * 9e4)).epsilon(.02));
}

TEST_CASE("edges: gradients that are conjugated lazily", "[edges]") {
  const auto c = torch::complex(torch::tensor({1., 2.}), torch::tensor({.5, -1.}));
  auto check = [&](auto how) {
    auto w = torch::ones({2}, at::kComplexFloat).requires_grad_();
    auto optimizer = roga::wrap<Sgd>(how, Parameters{w}, torch::optim::SGDOptions(0.1));
    for (int step = 0; step < 2; ++step) {
      optimizer.step({[&] {
                        auto loss = torch::real(w.conj() * c).sum();
                        loss.backward();
                        return loss;
                      },
                      [&] {
                        auto loss = torch::abs(w).sum();
                        loss.backward();
                        return loss;
                      }});
      CHECK_FALSE(optimizer.last_step().skipped());
    }
  };
  check(recipes::asam());
  check(recipes::gsam());
  check(recipes::pcgrad());
  check(recipes::cagrad());
  check(recipes::looksam({.k = 2}));
}

TEST_CASE("edges: an optimizer without parameters steps", "[edges]") {
  auto steps = [](auto how) {
    auto optimizer = roga::wrap<Sgd>(how, Parameters{}, torch::optim::SGDOptions(0.1));
    return optimizer.step([] { return torch::full({}, 2.0); }).template item<double>();
  };
  CHECK(steps(recipes::erm()) == 2);
  CHECK(steps(recipes::sam()) == 2);
  CHECK(steps(recipes::roga()) == 2);
}

TEST_CASE("edges: compositions that do not fit are told what is missing", "[edges]") {
  problems::Quadratics problem;
  const auto start = problem.w.detach().clone();
  auto says = [&](auto how, std::size_t domains, int steps = 1) {
    auto optimizer = roga::wrap<Sgd>(how, Parameters{problem.w}, torch::optim::SGDOptions(0.0));
    std::vector<std::size_t> which(domains);
    for (std::size_t k = 0; k < domains; ++k) which[k] = k;
    const std::string text = message([&] {
      for (int step = 0; step < steps; ++step) optimizer.step(problem.closures(which));
    });
    CHECK(problems::same_bits(problem.w, start));
    return text;
  };
  CHECK_THAT(
      says(recipe(roga::GradientNormAscent{}, roga::OwnDomain{}, roga::GradientNormDescent{}), 1),
      ContainsSubstring("evaluates domain 1 at point 1 of a step with 1 domains"));
  CHECK_THAT(
      says(recipe(roga::NoPerturbation{}, roga::Pooled{}, roga::PcGrad<roga::Over::captured>{}), 2),
      ContainsSubstring("a perturbation that has points in every step"));
  CHECK_THAT(says(recipe(roga::Every<roga::NormalizedAscent>{{.rho = .1}, 3}, roga::Pooled{},
                         roga::CapturedGradient{}),
                  2, 2),
             ContainsSubstring("captured_mean, which this step does not have: it evaluates no"));
  CHECK_THAT(says(recipe(roga::MomentumAscent{}, roga::OwnDomain{}, roga::CapturedGradient{}), 2),
             ContainsSubstring("evaluated 1 of 2 domains"));
}

TEST_CASE("edges: a chain of points stops at the first that is not finite", "[edges]") {
  for (const bool gam : {false, true}) {
    auto w = leaf({1});
    bool at_nan = false;
    int calls = 0;
    auto closure = [&](bool breaks) -> roga::LossClosure {
      return [&, breaks]() mutable {
        at_nan = at_nan || !std::isfinite(w.item<double>());
        const double slope = breaks && ++calls > (gam ? 1 : 0) ? NAN : 1;
        w.mutable_grad() = torch::full({1}, slope, at::kDouble);
        return torch::ones({}, at::kDouble);
      };
    };
    auto run = [&](auto how) {
      auto optimizer = roga::wrap<Sgd>(how, Parameters{w}, torch::optim::SGDOptions(0.1));
      optimizer.step({closure(true), closure(gam)});
      CHECK(optimizer.last_step().skipped());
    };
    if (gam) {
      run(recipes::gam());
    } else {
      run(recipes::dgsam());
    }
    CHECK_FALSE(at_nan);
    CHECK(w.item<double>() == 1);
  }
}

TEST_CASE("edges: protect holds over a whole step of LBFGS", "[edges]") {
  torch::manual_seed(3);
  torch::nn::Sequential layers(torch::nn::Linear(5, 8), torch::nn::BatchNorm1d(8),
                               torch::nn::Dropout(.5), torch::nn::Linear(8, 2));
  Network net(1, at::kDouble, 7, layers);
  auto optimizer = roga::wrap<torch::optim::LBFGS>(recipes::sam({.rho = .01}), net.parameters(),
                                                   torch::optim::LBFGSOptions(.1).max_iter(4));
  optimizer.protect(*layers);
  std::vector<at::Tensor> masks;
  optimizer.step([&] {
    auto loss = net.loss(0);
    loss.backward();
    // The generator has drawn this pass's mask: the next number tells whether it is the same one.
    const auto next = at::globalContext().defaultGenerator(at::kCPU).get_state();
    masks.push_back(next);
    return loss;
  });
  REQUIRE(masks.size() > 4);
  for (const auto& mask : masks) CHECK(mask.equal(masks.front()));
  CHECK(layers->buffers().back().item<std::int64_t>() == 1);  // num_batches_tracked
}

TEST_CASE("edges: a checkpoint for other shapes is refused", "[edges]") {
  std::stringstream file;
  auto small = leaf({1, 2, 3});
  auto first = roga::wrap<Sgd>(recipes::sam(), {small}, torch::optim::SGDOptions(.5).momentum(.9));
  first.step([&] {
    auto loss = small.square().sum();
    loss.backward();
    return loss;
  });
  torch::save(first, file);
  auto large = leaf({1, 2, 3, 4});
  auto second = roga::wrap<Sgd>(recipes::sam(), {large}, torch::optim::SGDOptions(.1));
  CHECK_THAT(message([&] { torch::load(second, file); }),
             ContainsSubstring("parameter 0 has shape [3], the optimizer's [4]"));
  CHECK(second.param_groups()[0].options().get_lr() == .1);
}

TEST_CASE("edges: a loss scale that was saved waits for its scaler", "[edges]") {
  auto w = leaf({1});
  std::stringstream file;
  {
    auto optimizer = roga::wrap<Sgd>(recipes::sam(), {w}, torch::optim::SGDOptions(.1));
    optimizer.attach(roga::LossScaler({.scale = 8}));
    torch::save(optimizer, file);
  }
  roga::LossScaler scaler({.scale = 1024});
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), {w}, torch::optim::SGDOptions(.1));
  torch::load(optimizer, file);
  optimizer.attach(scaler);
  CHECK(scaler.factor() == 8);
}

TEST_CASE("edges: a base whose options know nothing", "[edges]") {
  auto w = leaf({1, 2});
  auto closure = [&] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  auto optimizer = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  optimizer.schedule_radius(roga::schedules::linear(.1, .2, 4));
  optimizer.step(closure);
  optimizer.step(closure);
  CHECK(optimizer.last_step().radii().front() == Approx(.125));
  std::stringstream file;
  torch::save(optimizer, file);
  auto resumed = roga::wrap<OwnBase>(recipes::sam({.rho = .1}), Parameters{w});
  torch::load(resumed, file);
  resumed.schedule_radius(roga::schedules::linear(.1, .2, 4));
  resumed.step(closure);
  CHECK(resumed.last_step().radii().front() == Approx(.15));

  auto decoupled = roga::wrap<OwnBase>(recipes::wsam_decoupled(), Parameters{w});
  const auto before = w.detach().clone();
  CHECK_THAT(message([&] { decoupled.step(closure); }), ContainsSubstring("get_lr"));
  CHECK(problems::same_bits(w, before));

  auto twice = roga::wrap<OwnBase>(recipes::sam(), Parameters{w}, 2);
  auto step = twice.phases();
  while (step.ascend(closure())) {
  }
  CHECK_THAT(message([&] { step.descend(); }), ContainsSubstring("evaluates the loss several"));
}

TEST_CASE("edges: an optimizer chosen at run time has groups and gradients", "[edges]") {
  auto w = leaf({1});
  auto v = leaf({2});
  auto optimizer = roga::wrap(std::unique_ptr<torch::optim::Optimizer>(std::make_unique<Sgd>(
                                  Parameters{w}, torch::optim::SGDOptions(.1))),
                              recipes::sam());
  optimizer.add_param_group(torch::optim::OptimizerParamGroup(Parameters{v}));
  CHECK(optimizer.param_groups().size() == 2);
  w.mutable_grad() = torch::ones({1}, at::kDouble);
  optimizer.zero_grad();
  CHECK((!w.grad().defined() || w.grad().item<double>() == 0));
  optimizer.step([&] {
    auto loss = (w * v).sum();
    loss.backward();
    return loss;
  });
  CHECK(v.item<double>() < 2);
  CHECK_THAT(message([&] { optimizer.group_radius(7, 2); }),
             ContainsSubstring("group 7 of an optimizer with 2"));

  // Groups in braces, as the base takes them.
  using Group = torch::optim::OptimizerParamGroup;
  auto grouped = roga::wrap<Sgd>(recipes::sam(), {Group(Parameters{w}), Group(Parameters{v})},
                                 torch::optim::SGDOptions(.1));
  CHECK(grouped.param_groups().size() == 2);
}

TEST_CASE("edges: radii are lengths", "[edges]") {
  auto w = leaf({1});
  auto optimizer = roga::wrap<Sgd>(recipes::msam({.rho = .5}), {w}, torch::optim::SGDOptions(.1));
  std::vector<double> seen;
  for (int step = 0; step < 2; ++step) {
    seen.clear();
    const double theta = w.item<double>();
    optimizer.step([&] {
      seen.push_back(w.item<double>() - theta);
      auto loss = w.square().sum();
      loss.backward();
      return loss;
    });
    CHECK(optimizer.last_step().radii().front() == .5);
  }
  CHECK(seen.front() == Approx(-.5));  // against the momentum
}

TEST_CASE("edges: diagnostics pass over frozen parameters and know single precision", "[edges]") {
  namespace diagnostics = roga::diagnostics;
  auto w = leaf({1, 2});
  auto frozen = torch::tensor({3., 4.}, at::kDouble);
  const diagnostics::Loss loss = [&] { return (w * frozen).sum() + .5 * w.square().sum(); };
  const Parameters both{w, frozen};
  CHECK(diagnostics::sharpness(loss, both, .1) == Approx(diagnostics::sharpness(loss, {w}, .1)));
  CHECK(diagnostics::conflict({loss, loss}, both).agreement == Approx(1));
  const auto spectrum = diagnostics::hessian_spectrum(loss, both, 10);
  CHECK(spectrum.eigenvalues.size() <= 2);
  CHECK(spectrum.largest() == Approx(1));
  CHECK_THROWS_AS(diagnostics::hessian_spectrum(loss, {frozen}), c10::Error);

  auto single = torch::ones({20}, at::kFloat).requires_grad_();
  auto curvature = torch::ones({20}, at::kFloat);
  curvature.slice(0, 10).fill_(7);
  const auto two = diagnostics::hessian_spectrum(
      [&] { return .5 * (curvature * single.square()).sum(); }, {single}, 23);
  REQUIRE(two.eigenvalues.size() == 2);
  CHECK(two.largest() == Approx(7).epsilon(1e-5));
  CHECK(two.smallest() == Approx(1).epsilon(1e-5));
}
