// SPDX-License-Identifier: MIT
// Mixed precision: the loss scaler, and its one decision per step.
#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "support/problems.hpp"
#include "support/test.hpp"

using problems::Network;
namespace recipes = roga::recipes;

namespace {

using Sgd = torch::optim::SGD;

/// The weights after some steps with the loss multiplied by the scaler, or plain.
template <class Recipe>
problems::Parameters trained(const Recipe& recipe, const roga::LossScaler* scaler) {
  Network net(2, at::kFloat);
  auto optimizer = roga::wrap<Sgd>(recipe, net.parameters(), torch::optim::SGDOptions(0.1));
  if (scaler != nullptr) optimizer.attach(*scaler);
  std::vector<roga::LossClosure> closures;
  for (const std::size_t k : {0, 1}) {
    closures.emplace_back([&net, k, scaler] {
      auto loss = net.loss(k);
      (scaler != nullptr ? scaler->scale(loss) : loss).backward();
      return loss;
    });
  }
  for (int step = 0; step < 4; ++step) optimizer.step(closures);
  return problems::copy(net.parameters());
}

}  // namespace

TEST_CASE("scaler: a power of two changes no bit", "[scaler][invariant]") {
  const roga::LossScaler scaler({.scale = 1024});
  auto same = [&](auto recipe) {
    return problems::same_bits(trained(recipe, &scaler), trained(recipe, nullptr));
  };
  CHECK(same(recipes::erm()));
  CHECK(same(recipes::sam()));
  CHECK(same(recipes::roga()));
  CHECK(same(recipes::gam()));
  CHECK(same(recipes::vrex()));
  CHECK(same(recipes::dgsam()));
}

TEST_CASE("scaler: scales a shared forward by itself", "[scaler]") {
  auto run = [](bool scaled) {
    Network net(2, at::kFloat);
    auto optimizer =
        roga::wrap<Sgd>(recipes::roga(), net.parameters(), torch::optim::SGDOptions(0.1));
    if (scaled) optimizer.attach(roga::LossScaler({.scale = 512}));
    at::Tensor loss;
    for (int step = 0; step < 3; ++step) {
      loss = optimizer.step(roga::SharedForward{[&] {
        return torch::stack({net.loss(0), net.loss(1)});
      }});
    }
    auto all = problems::copy(net.parameters());
    all.push_back(loss);
    return all;
  };
  CHECK(problems::same_bits(run(true), run(false)));
}

TEST_CASE("scaler: one overflow in any pass skips the step and backs off once", "[scaler]") {
  for (const std::size_t overflowing : {0U, 1U, 2U, 3U}) {
    Network net(2);
    roga::LossScaler scaler({.scale = 8, .growth_interval = 2});
    auto optimizer =
        roga::wrap<Sgd>(recipes::roga(), net.parameters(), torch::optim::SGDOptions(0.1));
    optimizer.attach(scaler);
    optimizer.non_finite(roga::NonFinite::ignore);  // a scaler decides all the same
    const auto before = problems::copy(net.parameters());
    std::size_t calls = 0;
    std::vector<roga::LossClosure> closures;
    for (const std::size_t k : {0, 1}) {
      closures.emplace_back([&, k] {
        auto loss = net.loss(k);
        (scaler.scale(loss) * (calls++ == overflowing ? INFINITY : 1.0)).backward();
        return loss;
      });
    }
    optimizer.step(closures);
    CHECK(optimizer.last_step().skipped());
    CHECK(problems::same_bits(net.parameters(), before));
    CHECK(scaler.factor() == 4);
    calls = 100;
    optimizer.step(closures);
    CHECK(scaler.factor() == 4);
    optimizer.step(closures);
    CHECK(scaler.factor() == 8);
    CHECK_FALSE(problems::same_bits(net.parameters(), before));
  }
}

TEST_CASE("scaler: raise throws, and backs off as well", "[scaler]") {
  Network net(1);
  const roga::LossScaler scaler({.scale = 8});
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
  optimizer.attach(scaler);
  optimizer.non_finite(roga::NonFinite::raise);
  CHECK_THROWS_AS(optimizer.step([&] {
    auto loss = net.loss(0);
    (loss / 0.0).backward();
    return loss;
  }),
                  c10::Error);
  CHECK(scaler.factor() == 4);
  const roga::LossClosure failing = [] {
    TORCH_CHECK(false, "mine");
    return at::Tensor();
  };
  CHECK_THROWS_AS(optimizer.step(failing), c10::Error);
  CHECK(scaler.factor() == 4);  // that was no overflow
  {
    auto step = optimizer.phases();
    auto loss = net.loss(0);
    (loss / 0.0).backward();
    while (step.ascend(loss)) net.loss(0).backward();
    CHECK_THROWS_AS(step.descend(), c10::Error);
  }
  CHECK(scaler.factor() == 2);
}

TEST_CASE("scaler: its factor goes with the checkpoint", "[scaler][serialize]") {
  Network net(1);
  roga::LossScaler scaler({.scale = 16, .growth_interval = 3});
  auto optimizer = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
  optimizer.attach(scaler);
  for (int step = 0; step < 4; ++step) {
    optimizer.step([&] {
      auto loss = net.loss(0);
      scaler.scale(loss).backward();
      return loss;
    });
  }
  std::stringstream file;
  torch::save(optimizer, file);
  const roga::LossScaler fresh;
  auto other = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
  other.attach(fresh);
  torch::load(other, file);
  CHECK(fresh.factor() == 32);
  CHECK(fresh.steps_since_change() == 1);
  // Without a scaler the same file loads, too.
  file.clear();
  file.seekg(0);
  auto plain = roga::wrap<Sgd>(recipes::sam(), net.parameters(), torch::optim::SGDOptions(0.1));
  torch::load(plain, file);
  // A factor that is none is refused before anything is loaded.
  {
    torch::serialize::OutputArchive archive;
    optimizer.torch::optim::SGD::save(archive);
    roga::detail::Archived wrong;
    wrong.state.step = 7;
    wrong.scaler = {-1.0, 0.0};
    roga::detail::write_archive(archive, optimizer.param_groups(), wrong);
    std::stringstream damaged;
    archive.save_to(damaged);
    CHECK_THROWS_AS(torch::load(other, damaged), c10::Error);
    other.step([&] {
      auto loss = net.loss(0);
      scaler.scale(loss).backward();
      return loss;
    });
    CHECK(other.last_step().step() == 4);
  }
  CHECK_THROWS_AS(roga::LossScaler({.scale = 0}), c10::Error);
  CHECK_THROWS_AS(roga::LossScaler({.backoff = 1}), c10::Error);
}

TEST_CASE("scaler: a saved loss scale waits for its scaler", "[scaler][serialize]") {
  auto w = problems::leaf({1});
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

TEST_CASE("scaler: its factor has a floor and a ceiling", "[scaler]") {
  struct Case {
    double scale, backoff, growth, least, most;
  };
  for (const auto& [scale, backoff, growth, least, most] :
       {Case{65536, .5, 2, 0x1p-14, 0x1p126}, Case{3, 1e-300, 1e300, 0x1p-14, 0x1p126},
        Case{1e-9, .3, 7, 1e-9, 0x1p126}, Case{1e90, .5, 2, 0x1p-14, 1e90}}) {
    roga::LossScaler scaler(
        {.scale = scale, .growth = growth, .backoff = backoff, .growth_interval = 1});
    CHECK(scaler.least_factor() == least);
    CHECK(scaler.most_factor() == most);
    for (int step = 0; step < 2000; ++step) scaler.back_off();
    CHECK(scaler.factor() == least);
    scaler.advance();
    CHECK(scaler.factor() == std::min(least * growth, most));
    for (int step = 0; step < 2000; ++step) scaler.advance();
    CHECK(scaler.factor() == most);
  }
}

TEST_CASE("scaler: training goes on after any number of overflows", "[scaler]") {
  for (const int overflows : {1, 40, 1500}) {
    auto w = problems::leaf({2}, at::kFloat);
    const roga::LossScaler scaler;
    auto optimizer = roga::wrap<Sgd>(recipes::sam({.rho = 0}), {w}, torch::optim::SGDOptions(.25));
    optimizer.attach(scaler);
    auto step = [&](bool overflow) {
      optimizer.step([&] {
        auto loss = (w * w).sum();
        scaler.scale(overflow ? loss / 0.0 : loss).backward();
        return loss;
      });
    };
    for (int i = 0; i < overflows; ++i) step(true);
    CHECK(w.item<float>() == 2);
    step(false);
    CHECK(w.item<float>() == 1);
    CHECK(optimizer.last_step().skipped_in_a_row() == 0);
    std::stringstream file;
    torch::save(optimizer, file);
    auto other = roga::wrap<Sgd>(recipes::sam(), {w}, torch::optim::SGDOptions(.25));
    const roga::LossScaler resumed;
    other.attach(resumed);
    torch::load(other, file);
    CHECK(resumed.factor() == scaler.factor());
  }
}

TEST_CASE("scaler: whatever happens to it, its numbers are those of a scaler", "[scaler]") {
  std::mt19937_64 draw(11);
  auto uniform = [&](double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(draw);
  };
  for (int world = 0; world < 300; ++world) {
    const roga::LossScalerOptions options{
        .scale = std::exp2(uniform(-1000, 1000)),
        .growth = 1 + std::exp2(uniform(-20, 1000)),
        .backoff = std::exp2(uniform(-1000, -1e-6)),
        .growth_interval = static_cast<std::int64_t>(uniform(1, 5))};
    roga::LossScaler scaler(options);
    const double overflow = uniform(0, 1);
    for (int step = 0; step < 300; ++step) {
      if (uniform(0, 1) < overflow) {
        scaler.back_off();
      } else {
        scaler.advance();
      }
      REQUIRE_NOTHROW(roga::LossScaler::check(scaler.numbers()));
      REQUIRE(std::isfinite(1 / scaler.factor()));
      roga::LossScaler resumed(options);
      resumed.restore(scaler.numbers());
      REQUIRE(resumed.numbers() == scaler.numbers());
    }
  }
}

TEST_CASE("scaler: a state from elsewhere is brought within its bounds", "[scaler]") {
  roga::LossScaler scaler({.scale = 8, .growth_interval = 100});
  scaler.restore({1e-300, 7});
  CHECK(scaler.factor() == 0x1p-14);
  CHECK(scaler.steps_since_change() == 7);
  scaler.restore({1e300, 0});
  CHECK(scaler.factor() == 0x1p126);
  scaler.restore({32, 5000});  // of a scaler that grew less often
  scaler.advance();
  CHECK(scaler.factor() == 64);
  CHECK(scaler.steps_since_change() == 0);
  // Steps are counted as long as a checkpoint can hold their number.
  roga::LossScaler patient({.growth_interval = std::numeric_limits<std::int64_t>::max()});
  patient.restore({32, 0x1p53 - 2});
  for (int step = 0; step < 3; ++step) patient.advance();
  CHECK(patient.numbers() == std::vector<double>{32, 0x1p53 - 1});
  CHECK_NOTHROW(roga::LossScaler::check(patient.numbers()));
}

TEST_CASE("scaler: refuses options that lead out of the numbers", "[scaler]") {
  for (const double scale : {0., -1., double(INFINITY), double(NAN), 1e-310}) {
    CHECK_THROWS_WITH(roga::LossScaler({.scale = scale}), ContainsSubstring("roga: scale must be"));
  }
  for (const double growth : {1., double(INFINITY), double(NAN)}) {
    CHECK_THROWS_WITH(roga::LossScaler({.growth = growth}), ContainsSubstring("roga: growth"));
  }
}
