// SPDX-License-Identifier: MIT
// What roga writes beside the base's part of a checkpoint.
#include <fstream>
#include <sstream>

#include "support/problems.hpp"
#include "support/test.hpp"

namespace recipes = roga::recipes;
using torch::optim::SGD;
using torch::optim::SGDOptions;

namespace {

/// Three steps on quadratics, as the files were made, and then three more.
template <class Recipe>
struct Run {
  problems::Quadratics problem;
  decltype(roga::wrap<SGD>(std::declval<Recipe>(), std::vector<at::Tensor>{},
                           SGDOptions(0))) optimizer;

  explicit Run(const Recipe& recipe)
      : optimizer(roga::wrap<SGD>(recipe, std::vector<at::Tensor>{problem.w},
                                  SGDOptions(0.05).momentum(0.9))) {}
  void steps() {
    for (int step = 0; step < 3; ++step) optimizer.step(problem.closures());
  }
};

template <class Recipe>
void continues(const std::string& name, const Recipe& recipe) {
  INFO(name);
  Run<Recipe> whole(recipe);
  whole.steps();
  Run<Recipe> resumed(recipe);
  resumed.problem.w.set_data(whole.problem.w.detach().clone());
  std::ifstream file(std::string(ROGA_SOURCE_DIR) + "/tests/engine/files/format_1_" + name + ".pt",
                     std::ios::binary);
  REQUIRE(file.good());
  torch::load(resumed.optimizer, file);
  CHECK(problems::deviation({resumed.problem.w.detach()}, {whole.problem.w.detach()}) == 0);
  whole.steps();
  resumed.steps();
  CHECK(resumed.optimizer.last_step().step() == 5);
  CHECK(problems::deviation({resumed.problem.w.detach()}, {whole.problem.w.detach()}) < 1e-14);
}

}  // namespace

TEST_CASE("archive: files of format 1 load with everything that a policy remembered",
          "[archive][serialize]") {
  continues("fsam", recipes::fsam({.rho = .2}));
  continues("msam", recipes::msam({.rho = .2}));
  continues("looksam", recipes::looksam({.rho = .2, .k = 4}));
  continues("group_dro", recipes::group_dro({.eta = .5}));
  continues("grad_vac", recipes::grad_vac());
}

TEST_CASE("archive: a loss scale in a file of format 1 reaches its scaler",
          "[archive][serialize]") {
  Run run(recipes::sam({.rho = .2}));
  std::ifstream file(std::string(ROGA_SOURCE_DIR) + "/tests/engine/files/format_1_sam.pt",
                     std::ios::binary);
  torch::load(run.optimizer, file);
  const roga::LossScaler scaler({.scale = 1.0});
  run.optimizer.attach(scaler);
  CHECK(scaler.factor() == 8);
  CHECK(scaler.steps_since_change() == 1);
}

namespace {

/// A perturbation and an alignment that remember under one name.
struct RemembersHalf : roga::NormalizedAscent {
  static constexpr std::size_t remembers = 1;
  roga::Point point(roga::Step& step, std::size_t) const {
    const auto before = step.memory("mine");
    step.remember("mine", 0.5 * roga::erm);
    step.numbers("count", 1)[0] += 1;
    return {.direction = before ? roga::erm + *before : roga::Combination(roga::erm),
            .radius = rho};
  }
};
struct RemembersTwice : roga::CapturedGradient {
  static constexpr roga::Reads reads = roga::Reads::captured_mean | roga::Reads::erm;
  static constexpr std::size_t remembers = 1;
  roga::Combination direction(roga::Step& step) const {
    const auto before = step.memory("mine");
    step.remember("mine", 2.0 * roga::erm);
    step.numbers("count", 1)[0] += 10;
    if (!before) return roga::captured_mean;
    return roga::captured_mean + step.numbers("count", 1)[0] * *before;
  }
};

}  // namespace

TEST_CASE("archive: two policies that remember under one name do not meet",
          "[archive][serialize]") {
  const double rate = 0.05;
  problems::Quadratics problem;
  auto make = [&] {
    return roga::wrap<SGD>(
        roga::recipe(RemembersHalf{{.rho = .2}}, roga::Pooled{}, RemembersTwice{}),
        std::vector<at::Tensor>{problem.w}, SGDOptions(rate));
  };
  auto gradient = [&](const at::Tensor& w) {
    return problem.curvatures[0].mv(w - problem.minima[0]);
  };
  auto ascended = [&](const at::Tensor& w, const at::Tensor& v) {
    return gradient(w + .2 * v / v.norm());
  };
  const auto w = problem.w.detach().clone();
  const auto g = gradient(w);
  const auto w_next = w - rate * ascended(w, g);
  const auto v = gradient(w_next) + .5 * g;
  const auto expected = w_next - rate * (ascended(w_next, v) + 20 * 2 * g);

  std::stringstream file;
  {
    auto first = make();
    first.step(problem.closures({0}));
    torch::save(first, file);
  }
  auto second = make();
  torch::load(second, file);
  second.step(problem.closures({0}));
  CHECK(problems::deviation({problem.w.detach()}, {expected}) < 1e-12);
}
