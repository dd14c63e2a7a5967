// SPDX-License-Identifier: MIT
// Losses and gradients that are not finite never reach the weights.
#include <sstream>
#include <stdexcept>

#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"
#include "support/warnings.hpp"

using problems::leaf;
using problems::Network;
namespace recipes = roga::recipes;

TEST_CASE("step: a loss or gradient that is not finite is skipped, raised or ignored by rule",
          "[restore][invariant]") {
  for (const int bad_call : {0, 1, 2, 3}) {
    Network net(2);
    auto optimizer = roga::wrap<torch::optim::Adam>(recipes::roga(), net.parameters(),
                                                    torch::optim::AdamOptions(0.01));
    optimizer.step(net.closures());
    const auto before = problems::copy(net.parameters());
    int call = 0;
    std::vector<roga::LossClosure> closures;
    for (std::size_t k = 0; k < 2; ++k) {
      closures.emplace_back([&, k] {
        auto loss = net.loss(k);
        if (call++ == bad_call) loss = loss * std::numeric_limits<double>::quiet_NaN();
        loss.backward();
        return loss;
      });
    }
    optimizer.step(closures);
    CHECK(optimizer.last_step().skipped());
    CHECK(problems::same_bits(net.parameters(), before));
    CHECK_FALSE(net.parameters()[0].grad().defined());

    call = 0;
    optimizer.non_finite(roga::NonFinite::raise);
    CHECK_THROWS_WITH(optimizer.step(closures), ContainsSubstring("not finite"));
    CHECK(problems::same_bits(net.parameters(), before));

    optimizer.step(net.closures());
    CHECK_FALSE(optimizer.last_step().skipped());

    call = 0;
    optimizer.non_finite(roga::NonFinite::ignore);
    optimizer.step(closures);
    CHECK(net.parameters()[0].isnan().any().item<bool>());
  }
}

TEST_CASE("step: finite gradients whose squares overflow are not skipped", "[restore]") {
  auto skips = [](auto recipe, bool as_on_accelerator) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    auto w = torch::ones({2}).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipe, std::vector<at::Tensor>{w},
                                                   torch::optim::SGDOptions(1e-30));
    optimizer.step([&] {
      auto loss = (w * 1e30).sum();
      loss.backward();
      return loss;
    });
    const bool skipped = optimizer.last_step().skipped();
    CHECK(w[0].item<float>() == Approx(skipped ? 1 : 0).margin(1e-6));
    return skipped;
  };
  CHECK_FALSE(skips(recipes::erm(), false));
  CHECK(skips(recipes::erm(), true));   // cannot tell without another synchronisation
  CHECK(skips(recipes::sam(), false));  // there is no ascent of a length that is not known
  CHECK(skips(recipes::sam(), true));
}

TEST_CASE("step: an infinite gradient at theta is noticed where it serves nothing", "[restore]") {
  for (const bool as_on_accelerator : {false, true}) {
    const support::AsOnAccelerator arithmetic(as_on_accelerator);
    auto a = torch::ones({2}).requires_grad_();
    auto b = torch::ones({2}).requires_grad_();
    auto optimizer = roga::wrap<torch::optim::SGD>(recipes::sam(), std::vector<at::Tensor>{a, b},
                                                   torch::optim::SGDOptions(0.1));
    optimizer.ascend_only({a});
    int pass = 0;
    optimizer.step([&] {
      auto loss = (a + b).sum();
      loss.backward();
      if (++pass == 1) b.mutable_grad().fill_(INFINITY);
      return loss;
    });
    CHECK(optimizer.last_step().skipped());
    CHECK(b.equal(torch::ones({2})));
  }
}

TEST_CASE("step: a chain of points stops at the first that is not finite", "[restore]") {
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
      auto optimizer = roga::wrap<torch::optim::SGD>(how, problems::Parameters{w},
                                                     torch::optim::SGDOptions(0.1));
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

TEST_CASE("step: LBFGS skips as a whole when its line search meets a NaN", "[restore]") {
  Network net(1);
  Network twin(1);
  auto optimizer =
      roga::wrap<torch::optim::LBFGS>(recipes::sam(), net.parameters(), bases::Lbfgs::options());
  auto untouched =
      roga::wrap<torch::optim::LBFGS>(recipes::sam(), twin.parameters(), bases::Lbfgs::options());
  optimizer.step(net.closure(0));
  untouched.step(twin.closure(0));
  const auto before = problems::copy(net.parameters());
  int call = 0;
  optimizer.step([&] {
    auto loss = net.loss(0);
    if (call++ == 4) loss = loss * INFINITY;
    loss.backward();
    return loss;
  });
  CHECK(call > 4);
  CHECK(optimizer.last_step().skipped());
  CHECK(problems::same_bits(net.parameters(), before));
  optimizer.step(net.closure(0));
  untouched.step(twin.closure(0));
  CHECK(problems::same_bits(net.parameters(), twin.parameters()));
}

TEST_CASE("step: one NaN or infinite gradient does not poison the weights",
          "[restore][defects][defect-6]") {
  for (const double poison : {double(NAN), double(INFINITY)}) {
    auto poisoned = [poison](const at::Tensor& w) {
      return [w, poison, calls = 0]() mutable {
        auto loss = naive::square_loss(w)();
        if (calls++ == 0) w.mutable_grad()[0] = poison;
        return loss;
      };
    };
    auto w = leaf({1, 2});
    auto base = naive::plain({w}, 0.1);
    naive::NaiveSam sam{{w}};
    sam.step(base, poisoned(w));
    CHECK_FALSE(w.isfinite().all().item<bool>());

    auto v = leaf({1, 2});
    auto optimizer = naive::robust({v}, 0.1);
    optimizer.step(poisoned(v));
    CHECK(optimizer.last_step().skipped());
    CHECK(problems::same_bits(v, leaf({1, 2})));
  }
}

namespace {

/// Steps of SAM on one weight, whose loss is finite or not.
struct Stumbling {
  at::Tensor w = leaf({1});
  decltype(naive::robust({w}, 0.0)) optimizer = naive::robust({w}, 0.0);

  std::int64_t step(bool stumbles) {
    optimizer.step([&] {
      auto loss = w.square().sum() * (stumbles ? NAN : 1.0);
      loss.backward();
      return loss;
    });
    return optimizer.last_step().skipped_in_a_row();
  }
};

}  // namespace

TEST_CASE("step: skipped steps in a row are counted", "[restore][report]") {
  Stumbling run;
  std::vector<std::int64_t> counts;
  for (const bool stumbles : {false, true, true, false, true, true, true}) {
    counts.push_back(run.step(stumbles));
  }
  CHECK(counts == std::vector<std::int64_t>{0, 1, 2, 0, 1, 2, 3});
  // A step that throws is neither.
  CHECK_THROWS(run.optimizer.step([]() -> at::Tensor { throw std::runtime_error("mine"); }));
  CHECK(run.step(true) == 4);
  // So is one that raises, which is a skipped one, too; phases count as closures do.
  run.optimizer.non_finite(roga::NonFinite::raise);
  CHECK_THROWS_AS(run.step(true), c10::Error);
  CHECK(run.optimizer.last_step().skipped_in_a_row() == 5);
  run.optimizer.non_finite(roga::NonFinite::skip);
  {
    auto phases = run.optimizer.phases();
    const auto loss = run.w.sum() * NAN;
    loss.backward();
    CHECK_FALSE(phases.ascend(loss));
    phases.descend();
  }
  CHECK(run.optimizer.last_step().skipped_in_a_row() == 6);
  // From a checkpoint, the count begins anew.
  std::stringstream file;
  torch::save(run.optimizer, file);
  torch::load(run.optimizer, file);
  CHECK(run.step(true) == 1);
  CHECK(run.step(false) == 0);
}

TEST_CASE("step: many skipped steps in a row are warned of, ever more rarely",
          "[restore][report]") {
  Stumbling run;
  const support::Warnings warnings;
  std::vector<std::int64_t> when;
  for (int i = 0; i < 2001; ++i) {
    const auto before = warnings.lines().size();
    const auto count = run.step(true);
    if (warnings.lines().size() > before) when.push_back(count);
  }
  CHECK(when == std::vector<std::int64_t>{20, 200, 2000});
  const auto& line = warnings.lines().front();
  for (const char* part : {"roga: 20 steps in a row", "learning rate", "data"}) {
    CHECK_THAT(line, ContainsSubstring(part));
  }
  CHECK_THAT(line, !ContainsSubstring("scaler"));
  CHECK(line.find('\n') == std::string::npos);

  // A loss scaler at its floor is not the cause; nobody is warned of a step that raises.
  roga::LossScaler scaler({.scale = 0x1p-10});
  run.optimizer.attach(scaler);
  run.step(false);
  for (int i = 0; i < 20; ++i) run.step(true);
  REQUIRE(warnings.lines().size() == 4);
  CHECK_THAT(warnings.lines().back(), ContainsSubstring("loss scaler's factor is at its floor"));
  run.step(false);
  run.optimizer.non_finite(roga::NonFinite::raise);
  for (int i = 0; i < 20; ++i) CHECK_THROWS_AS(run.step(true), c10::Error);
  CHECK(warnings.lines().size() == 4);
}
