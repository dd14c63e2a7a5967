// SPDX-License-Identifier: MIT
// One step among things that other code keeps: autocast's casts, optimizers of its own, and calls
// that come at the wrong moment.

#include <roga/diagnostics/sharpness.hpp>

#include "support/autocast.hpp"
#include "support/message.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using problems::leaf;
using problems::Parameters;
using torch::optim::SGD;
using torch::optim::SGDOptions;

using support::Autocast;

namespace {

/// A layer, its data for two domains, and the losses that its passes have met.
struct Layer {
  at::Tensor w;
  std::vector<at::Tensor> inputs;
  std::vector<double> seen;
  bool inside;  ///< autocast around each pass by itself

  explicit Layer(bool each_pass) : inside(each_pass) {
    torch::manual_seed(0);
    w = torch::randn({16, 8}).requires_grad_();
    inputs = {torch::randn({32, 8}), torch::randn({32, 8})};
  }
  at::Tensor loss(std::size_t k) const {
    return torch::linear(inputs[k], w).to(torch::kFloat).square().mean();
  }
  template <class Forward>
  at::Tensor pass(const Forward& forward) {
    at::Tensor value;
    if (inside) {
      const Autocast region;
      value = forward();
    } else {
      value = forward();
    }
    for (std::int64_t i = 0; i < value.numel(); ++i) {
      seen.push_back(value.detach().reshape({-1})[i].item<double>());
    }
    return value;
  }
  roga::LossClosure closure(std::size_t k) {
    return [this, k] {
      auto value = pass([&] { return loss(k); });
      value.backward();
      return value;
    };
  }
};

/// What passes see, with autocast around the whole training or around each pass.
template <class Recipe, class Steps>
std::vector<double> seen(const Recipe& recipe, bool around_all, const Steps& steps) {
  Layer layer(!around_all);
  auto optimizer = roga::wrap<SGD>(recipe, Parameters{layer.w}, SGDOptions(.1));
  if (around_all) {
    const Autocast region;
    steps(optimizer, layer);
  } else {
    steps(optimizer, layer);
  }
  return layer.seen;
}

}  // namespace

TEST_CASE("autocast: a region around steps sees the weights where they are", "[autocast]") {
  auto check = [](auto recipe) {
    auto same = [&](const auto& steps) {
      const auto expected = seen(recipe, false, steps);
      CHECK(seen(recipe, true, steps) == expected);
      CHECK(expected.front() != expected.back());
    };
    same([](auto& optimizer, Layer& layer) {  // one closure
      for (int step = 0; step < 2; ++step) optimizer.step(layer.closure(0));
    });
    same([](auto& optimizer, Layer& layer) {  // several domains
      for (int step = 0; step < 2; ++step) {
        optimizer.step(std::vector<roga::LossClosure>{layer.closure(0), layer.closure(1)});
      }
    });
    same([](auto& optimizer, Layer& layer) {  // a shared forward
      for (int step = 0; step < 2; ++step) {
        auto both = [&] {
          return layer.pass([&] { return torch::stack({layer.loss(0), layer.loss(1)}); });
        };
        optimizer.step(roga::SharedForward{both, {0, 1}});
      }
    });
    same([](auto& optimizer, Layer& layer) {  // phases
      for (int step = 0; step < 2; ++step) {
        auto phases = optimizer.phases();
        while (phases.ascend(layer.closure(0)())) {
        }
        phases.descend();
      }
    });
    same([](auto& optimizer, Layer& layer) {  // a step that throws, and one that is skipped
      CHECK_THROWS_AS(optimizer.step([&]() -> at::Tensor {
        layer.closure(0)();
        if (layer.seen.size() > 1) throw std::runtime_error("on purpose");
        return torch::zeros({});
      }),
                      std::runtime_error);
      int pass = 0;
      optimizer.step([&] { return pass++ == 0 ? layer.closure(0)() : layer.closure(0)() * NAN; });
      optimizer.step(layer.closure(0));
    });
  };
  check(recipes::sam({.rho = 2}));
  check(recipes::roga({.rho = 2}));
  check(recipes::dgsam({.rho = 2}));
}

TEST_CASE("autocast: diagnostics move the weights under it", "[autocast]") {
  Layer layer(false);
  auto loss = [&] { return layer.loss(0); };
  auto measure = [&](double rho) { return roga::diagnostics::sharpness(loss, {layer.w}, rho); };
  for (const double rho : {.5, 1., 2.}) {
    const Autocast region;
    layer.loss(0).backward();  // fills the cache
    CHECK(measure(rho) > 0);
  }
}

TEST_CASE("step: calls that would disturb a step are refused", "[step][message]") {
  auto w = leaf({1});
  auto optimizer = roga::wrap<SGD>(recipes::sam(), Parameters{w}, SGDOptions(.1));
  auto loss = [&] {
    auto value = w.square().sum();
    value.backward();
    return value;
  };
  auto refused = [&](const std::string& call, const auto& disturb) {
    const auto text = support::message_of([&] {
      optimizer.step([&] {
        disturb();
        return loss();
      });
    });
    CHECK(text.find("roga: " + call + " while step() is running") != std::string::npos);
  };
  refused("step()", [&] { optimizer.step(loss); });
  refused("phases()", [&] { optimizer.phases(); });
  refused("save()", [&] {
    std::stringstream file;
    torch::save(optimizer, file);
  });
  refused("diagnose()", [&] { optimizer.diagnose(true); });
  refused("clip_norm()", [&] { optimizer.clip_norm(1); });
  CHECK(w.item<double>() == 1);
  optimizer.step(loss);
  CHECK(w.item<double>() < 1);
}

TEST_CASE("step: a pass without a gradient is an error that names its domain", "[step][message]") {
  auto w = leaf({1});
  auto other = leaf({1});
  auto good = [&] {
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  const roga::LossClosure no_backward = [&] { return w.square().sum(); };
  const roga::LossClosure other_model = [&] {
    auto loss = other.square().sum();
    loss.backward();
    return loss;
  };
  const roga::LossClosure cleared = [&] {
    auto loss = good();
    w.mutable_grad() = at::Tensor();
    return loss;
  };
  for (const auto& bad : {no_backward, other_model, cleared}) {
    for (const std::size_t place : {0U, 1U, 2U}) {
      auto optimizer = roga::wrap<SGD>(recipes::roga(), Parameters{w}, SGDOptions(.1));
      std::vector<roga::LossClosure> domains(3, good);
      domains[place] = bad;
      const auto text = support::message_of([&] { optimizer.step(domains); });
      CHECK(text.find("domain " + std::to_string(place) + " left no gradient") !=
            std::string::npos);
      CHECK(text.find("backward()") != std::string::npos);
      CHECK(w.item<double>() == 1);
    }
  }
  // The captured pass alone, phases, a later step that does nothing at all.
  auto make = [&] { return roga::wrap<SGD>(recipes::sam(), Parameters{w}, SGDOptions(.1)); };
  auto optimizer = make();
  int pass = 0;
  CHECK_THROWS_AS(optimizer.step([&] { return pass++ == 0 ? good() : no_backward(); }), c10::Error);
  auto in_phases = make();
  auto phases = in_phases.phases();
  CHECK_THROWS_AS(phases.ascend(no_backward()), c10::Error);
  auto later = make();
  later.step(good);
  CHECK_THROWS_AS(later.step(no_backward), c10::Error);
}

TEST_CASE("step: a parameter that no domain reaches, and a domain that rests, are fine", "[step]") {
  auto w = leaf({1});
  auto unreached = leaf({1});
  auto optimizer = roga::wrap<SGD>(recipes::sam(), Parameters{w, unreached}, SGDOptions(.1));
  bool rests = false;
  auto closure = [&] {
    auto loss = (rests ? torch::ones({1}, at::kDouble).requires_grad_() : w).square().sum();
    loss.backward();
    return loss;
  };
  optimizer.step(closure);
  const double after = w.item<double>();
  CHECK(after < 1);
  CHECK(unreached.item<double>() == 1);
  rests = true;
  for (auto& parameter : Parameters{w, unreached}) parameter.mutable_grad() = at::Tensor();
  optimizer.step(closure);
  CHECK(w.item<double>() == after);
}

TEST_CASE("step: a shared forward may leave domains out", "[step][closure]") {
  for (const auto& domains : std::vector<std::vector<std::size_t>>{{0, 1, 2}, {0, 2}, {1}}) {
    auto check = [&](auto recipe) {
      problems::Quadratics one;
      problems::Quadratics other;
      auto shared = roga::wrap<SGD>(recipe, Parameters{one.w}, SGDOptions(.1));
      auto listed = roga::wrap<SGD>(recipe, Parameters{other.w}, SGDOptions(.1));
      for (int step = 0; step < 3; ++step) {
        shared.step(roga::SharedForward{[&] {
                                          std::vector<at::Tensor> losses;
                                          for (const auto k : domains) {
                                            const auto away = one.w - one.minima[k];
                                            losses.push_back(.5 *
                                                             away.dot(one.curvatures[k].mv(away)));
                                          }
                                          return torch::stack(losses);
                                        },
                                        domains});
        auto closures = other.closures();
        for (std::size_t k = 0; k < 3; ++k) {
          if (std::find(domains.begin(), domains.end(), k) == domains.end()) {
            closures[k] = nullptr;
          }
        }
        listed.step(closures);
      }
      CHECK(torch::allclose(one.w, other.w, 1e-12));
    };
    check(recipes::roga({.rho = .1}));
    check(recipes::group_dro());
    check(recipes::fish());
  }
  auto w = leaf({1});
  auto optimizer = roga::wrap<SGD>(recipes::sam(), Parameters{w}, SGDOptions(.1));
  auto two = [&] { return torch::stack({w.sum(), w.sum()}); };
  CHECK_THROWS_AS(optimizer.step(roga::SharedForward{two, {0, 1, 2}}), c10::Error);
  CHECK_THROWS_AS(optimizer.step(roga::SharedForward{two, {1, 0}}), c10::Error);
}

TEST_CASE("step: after an exception the report is that of the last step", "[step]") {
  auto w = leaf({1});
  auto optimizer = roga::wrap<SGD>(recipes::sam(), Parameters{w}, SGDOptions(.1));
  int passes = 0;
  auto closure = [&] {
    if (passes++ == 3) throw std::runtime_error("on purpose");
    auto loss = w.square().sum();
    loss.backward();
    return loss;
  };
  optimizer.step(closure);
  CHECK_THROWS_AS(optimizer.step(closure), std::runtime_error);
  CHECK(optimizer.last_step().step() == 0);
  CHECK(optimizer.last_step().points() == 1);
  CHECK(optimizer.last_step().radii().size() == 1);
}
