// SPDX-License-Identifier: MIT
// Losses and gradients that are not finite never reach the weights.
#include "support/accelerator.hpp"
#include "support/bases.hpp"
#include "support/naive_sam.hpp"
#include "support/problems.hpp"
#include "support/test.hpp"

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
