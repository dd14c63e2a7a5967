// SPDX-License-Identifier: MIT
// The phase interface: the same bits as closures, and no wrong use without an error.
#include <sstream>

#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/recipes.hpp"
#include "support/test.hpp"

using problems::Network;
using problems::with_norm_and_dropout;
namespace recipes = roga::recipes;

namespace {

using Adam = torch::optim::Adam;

template <class Step>
void drive(Step& step, Network& net) {
  bool more = true;
  while (more) {
    auto loss = net.loss(step.domain());
    loss.backward();
    more = step.ascend(loss);
  }
}

enum class Drives : unsigned char { closures, phases };
enum class Besides : unsigned char { nothing, diagnoses, ascends_along_some, leaves_others_out };

/// Six steps, in one of which a domain is absent where there are several.
template <class Recipe>
problems::Parameters run(const Recipe& recipe, Drives drives, std::size_t domains = 1,
                         Besides besides = Besides::nothing) {
  torch::manual_seed(3);
  Network net(static_cast<std::int64_t>(domains), at::kDouble, 7, with_norm_and_dropout());
  auto optimizer = roga::wrap<Adam>(recipe, net.parameters(), torch::optim::AdamOptions(0.01));
  optimizer.protect(*net.net);
  optimizer.warm_up(1);
  optimizer.diagnose(besides == Besides::diagnoses);
  if (besides == Besides::ascends_along_some) optimizer.ascend_only({net.parameters()[0]});
  if (besides == Besides::leaves_others_out) {
    optimizer.ascend_only({net.parameters()[0], net.parameters()[4]},
                          roga::Bystanders::out_of_graph);
  }
  torch::manual_seed(4);
  std::vector<at::Tensor> state;
  for (std::size_t i = 0; i < 6; ++i) {
    std::vector<std::size_t> present;
    auto closures = net.closures();
    for (std::size_t k = 0; k < domains; ++k) {
      if (domains > 1 && i == 3 && k == 1) {
        closures[k] = nullptr;
      } else {
        present.push_back(k);
      }
    }
    if (drives == Drives::phases) {
      auto step = optimizer.phases(present);
      drive(step, net);
      state.push_back(step.descend());
    } else {
      state.push_back(optimizer.step(closures));
    }
    const auto report = optimizer.last_step();
    state.push_back(torch::tensor(static_cast<double>(report.evaluations())));
    state.push_back(torch::tensor(report.losses()));
    state.push_back(torch::tensor(report.cosine().value_or(-2)));
    for (const auto& row : report.domain_cosines()) state.push_back(torch::tensor(row));
  }
  for (const auto& parameter : net.parameters()) state.push_back(parameter);
  for (const auto& buffer : net.net->buffers()) state.push_back(buffer);
  return problems::copy(state);
}

}  // namespace

TEST_CASE("phases: every recipe gives the bits of its closure path", "[phases][invariant]") {
  every::recipe([](const std::string& name, auto recipe, bool) {
    INFO(name);
    for (const std::size_t domains : {1, 3}) {
      CHECK(problems::same_bits(run(recipe, Drives::phases, domains),
                                run(recipe, Drives::closures, domains)));
    }
  });
}

TEST_CASE("phases: every feature of closures gives their bits", "[phases][invariant]") {
  auto check = [](const std::string& name, const auto& recipe) {
    INFO(name);
    for (const std::size_t domains : {1, 3}) {
      for (const auto besides :
           {Besides::diagnoses, Besides::ascends_along_some, Besides::leaves_others_out}) {
        CHECK(problems::same_bits(run(recipe, Drives::phases, domains, besides),
                                  run(recipe, Drives::closures, domains, besides)));
      }
    }
  };
  check("sam", recipes::sam({.rho = .2}));
  check("roga", recipes::roga({.rho = .2, .alpha = .05}));
  check("fish", recipes::fish({.beta = .2}));
}

TEST_CASE("phases: parameters that do not ascend are out of the graph at theta", "[phases]") {
  Network net(1);
  auto optimizer = roga::wrap<Adam>(recipes::sam(), net.parameters(), torch::optim::AdamOptions());
  optimizer.ascend_only({net.parameters()[0]}, roga::Bystanders::out_of_graph);
  auto in_graph = [&] {
    std::vector<bool> flags;
    for (const auto& parameter : net.parameters()) flags.push_back(parameter.requires_grad());
    return flags;
  };
  {
    auto step = optimizer.phases();
    CHECK(in_graph() == std::vector{true, false, false, false});
    auto loss = net.loss(0);
    loss.backward();
    CHECK(step.ascend(loss));
    CHECK(in_graph() == std::vector{true, true, true, true});
  }
  { auto left_early = optimizer.phases(); }
  CHECK(in_graph() == std::vector{true, true, true, true});
}

TEST_CASE("phases: SAM written out", "[phases]") {
  Network net(1);
  Network twin(1);
  auto optimizer = roga::wrap<Adam>(recipes::sam(), net.parameters(), torch::optim::AdamOptions());
  auto closures = roga::wrap<Adam>(recipes::sam(), twin.parameters(), torch::optim::AdamOptions());
  auto step = optimizer.phases();
  auto loss = net.loss(0);
  loss.backward();
  CHECK(step.ascend(loss));
  auto second = net.loss(0);
  second.backward();
  CHECK(step.descend(second).item<double>() == loss.item<double>());
  closures.step(twin.closure(0));
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}

TEST_CASE("phases: a step that is left early leaves no trace", "[phases][restore]") {
  Network net(1);
  auto optimizer = roga::wrap<Adam>(recipes::gam(), net.parameters(), torch::optim::AdamOptions());
  const auto before = problems::copy(net.parameters());
  for (int passes = 0; passes < 4; ++passes) {
    try {
      auto step = optimizer.phases();
      for (int pass = 0; pass < passes; ++pass) {
        auto loss = net.loss(0);
        loss.backward();
        step.ascend(loss);
      }
      throw std::runtime_error("the loop failed");
    } catch (const std::runtime_error&) {
    }
    CHECK(problems::same_bits(net.parameters(), before));
  }
  auto step = optimizer.phases();
  drive(step, net);
  step.descend();
  CHECK(optimizer.last_step().step() == 0);
  CHECK_FALSE(problems::same_bits(net.parameters(), before));
}

TEST_CASE("phases: wrong use is refused", "[phases]") {
  Network net(1);
  auto optimizer = roga::wrap<Adam>(recipes::sam(), net.parameters(), torch::optim::AdamOptions());
  auto says = [](auto&& call) {
    try {
      call();
    } catch (const c10::Error& error) {
      return std::string(error.what_without_backtrace());
    }
    return std::string("nothing");
  };
  auto contains = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  std::stringstream file;
  {
    auto step = optimizer.phases();
    auto loss = net.loss(0);
    loss.backward();
    CHECK(contains(says([&] { step.descend(); }), "before the last pass"));
    CHECK(step.ascend(loss));
    CHECK(contains(says([&] { torch::save(optimizer, file); }), "save() while a phased step"));
    CHECK(contains(says([&] { optimizer.step(net.closure(0)); }), "step() while a phased step"));
    CHECK(contains(says([&] { optimizer.phases(); }), "phases() while a phased step is open"));
    CHECK(contains(says([&] { step.ascend({}); }), "must be the loss"));
    CHECK(contains(says([&] { optimizer.phases(std::vector<std::size_t>{}); }), "empty list"));
    CHECK(contains(says([&] { optimizer.phases({2, 0}); }), "domain 0 after domain 2"));
    CHECK(contains(says([&] { optimizer.phases({1, 1}); }), "domain 1 after domain 1"));
    auto second = net.loss(0);
    second.backward();
    CHECK_FALSE(step.ascend(second));
    CHECK(contains(says([&] { step.ascend(second); }), "call descend()"));
    step.descend();
    CHECK(contains(says([&] { step.descend(); }), "twice"));
    CHECK(contains(says([&] { step.ascend(second); }), "the end of the step"));
  }
  torch::save(optimizer, file);
  auto gam = roga::wrap<Adam>(recipes::gam(), net.parameters(), torch::optim::AdamOptions());
  {
    auto step = gam.phases();
    auto loss = net.loss(0);
    loss.backward();
    CHECK(contains(says([&] { step.descend(loss); }), "with passes of the recipe left"));
  }
  {
    Network three(3);  // of which two have their passes at theta to come
    auto several =
        roga::wrap<Adam>(recipes::sam(), three.parameters(), torch::optim::AdamOptions());
    auto step = several.phases({0, 1, 2});
    CHECK(contains(says([&] { step.descend(three.closure(0)()); }), "with passes of the recipe"));
  }
  auto lbfgs = roga::wrap<torch::optim::LBFGS>(recipes::sam(), net.parameters(),
                                               torch::optim::LBFGSOptions());
  CHECK(contains(says([&] { lbfgs.phases(); }), "LBFGS"));
}

TEST_CASE("phases: a value that is not finite skips the step", "[phases]") {
  Network net(1);
  auto optimizer = roga::wrap<Adam>(recipes::sam(), net.parameters(), torch::optim::AdamOptions());
  const auto before = problems::copy(net.parameters());
  auto step = optimizer.phases();
  auto loss = net.loss(0) / 0.0;
  loss.backward();
  CHECK_FALSE(step.ascend(loss));
  step.descend();
  CHECK(optimizer.last_step().skipped());
  CHECK(problems::same_bits(net.parameters(), before));
}

TEST_CASE("phases: no gradient, two ascents and a checkpoint in between leave no trace",
          "[phases][defects][defect-16]") {
  auto w = problems::leaf({1, 2});
  naive::NaiveSam sam{{w}, .5};
  CHECK_THROWS(sam.first_step());  // a norm of nothing
  naive::square_loss(w)();
  sam.first_step();
  sam.first_step();
  auto base = naive::plain({w}, 0.0);
  sam.second_step(base);
  CHECK_FALSE(problems::same_bits(w, problems::leaf({1, 2})));  // a permanent offset

  auto v = problems::leaf({1, 2});
  auto optimizer = naive::robust({v}, 0.0, .5);
  CHECK_THROWS_AS(optimizer.step([] { return torch::zeros({}, at::kDouble); }), c10::Error);
  CHECK(problems::same_bits(v, problems::leaf({1, 2})));
  std::stringstream file;
  {
    auto step = optimizer.phases();
    step.ascend(naive::square_loss(v)());
    CHECK_THROWS_AS(optimizer.phases(), c10::Error);
    CHECK_THROWS_AS(torch::save(optimizer, file), c10::Error);
  }
  CHECK(problems::same_bits(v, problems::leaf({1, 2})));
}
